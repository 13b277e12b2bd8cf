// Owns that no secret of the configuration gets into what a house writes: its log, its journal, what commands printed. A composition root.
import { sha256 } from './base/hash.ts';
import type { LogFields, Logger } from './base/logger.ts';
import type { LoadedConfig } from './config/load.ts';
import { resolveSecret, type SecretRef } from './config/secret.ts';
import type { Executor } from './contracts/executor.ts';
import type { Journal, NewEvent } from './contracts/journal.ts';
import type { EventBody } from './contracts/run-events.ts';

export type Mask = (text: string) => string;

/** Hashes that are remembered for what names them later. */
const MOST_RENAMED = 10_000;

/** Reads the secrets that are set; undefined if there are none. What cannot be read is the mistake of whoever needs it. */
export async function loadMask(config: LoadedConfig): Promise<Mask | undefined> {
  const refs = secretsOf(config).filter(({ ref }) => ref.isSet());
  if (refs.length === 0) return undefined;
  const read = refs.map(async ({ name, ref }) => ({ name, value: await resolveSecret(ref).catch(() => '') }));
  const [{ createTextMask }, secrets] = await Promise.all([import('./secrets/mask-text.ts'), Promise.all(read)]);
  return createTextMask(secrets);
}

function secretsOf({ secrets, backends, client, auth }: LoadedConfig): readonly { name: string; ref: SecretRef }[] {
  const named = Object.entries(secrets).map(([name, { value }]) => ({ name, ref: value }));
  const keys = backends.map((backend) => ({
    name: `backends.${backend.name}.key`,
    ref: 'key' in backend ? backend.key : undefined,
  }));
  const others = [
    { name: 'client.key', ref: client.key },
    { name: 'auth.oidc.client_secret', ref: auth?.oidc.clientSecret },
  ];
  const own = [...keys, ...others].flatMap(({ name, ref }) => (ref === undefined ? [] : [{ name, ref }]));
  return [...named, ...own];
}

export function maskedLogger(logger: Logger, mask: Mask | undefined): Logger {
  if (mask === undefined) return logger;
  const fields = (all: LogFields | undefined) =>
    all &&
    Object.fromEntries(
      Object.entries(all).map(([name, value]) => [name, typeof value === 'string' ? mask(value) : value]),
    );
  return {
    info: (message, all) => logger.info(mask(message), fields(all)),
    warn: (message, all) => logger.warn(mask(message), fields(all)),
    error: (message, all) => logger.error(mask(message), fields(all)),
  };
}

/** Before anyone sees it: the model, the journal, a person. */
export function maskedExecutor<Opened extends { readonly port: Executor }>(
  opened: Opened,
  mask: Mask | undefined,
): Opened {
  if (mask === undefined) return opened;
  const exec: Executor['exec'] = async (request) => {
    const outcome = await opened.port.exec(request);
    if (!outcome.ok) return outcome;
    const { output } = outcome.value;
    const shown = { ...output, head: mask(output.head), tail: mask(output.tail) };
    return { ok: true, value: { ...outcome.value, output: shown } };
  };
  return { ...opened, port: { ...opened.port, exec } };
}

/**
 * A content that holds a value after all is stored masked, and whatever names its hash names the new one. A patch is stored as it is: it
 * is bound to the tree that it makes.
 */
export function maskedJournal<Kind extends Journal>(journal: Kind, mask: Mask | undefined): Kind {
  if (mask === undefined) return journal;
  const renamed = new Map<string, string>();
  return { ...journal, append: (events) => journal.append(events.map((event) => maskedEvent(event, mask, renamed))) };
}

function maskedEvent(event: NewEvent, mask: Mask, renamed: Map<string, string>): NewEvent {
  if (event.body.type === 'patch_made') return event;
  const rename = (text: string) => {
    let all = text;
    for (const [from, to] of renamed) all = all.replaceAll(from, to);
    return all;
  };
  const contents = event.contents?.map((content) => {
    const masked = rename(mask(content));
    if (masked !== content && renamed.size < MOST_RENAMED) renamed.set(sha256(content), sha256(masked));
    return masked;
  });
  const text = JSON.stringify(event.body);
  const shown = rename(mask(text));
  const body = shown === text ? event.body : (JSON.parse(shown) as EventBody);
  return contents === undefined ? { ...event, body } : { ...event, body, contents };
}

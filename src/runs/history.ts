// Owns the reading of a run back from its journal: events, patch, checks. Knows no live run.
import { CaissonError } from '../base/errors.ts';
import { sha256 } from '../base/hash.ts';
import { late } from '../base/schema.ts';
import type { Journal } from '../contracts/journal.ts';
import type { EventOf, RunEvent } from '../contracts/run-events.ts';
import { type CheckOutcome, type RunRecord, type RunRequest, runRequestSchema } from '../contracts/runs.ts';
import type { Patch } from '../contracts/workspace.ts';

const PAGE = 500;

const filesSchema = late((z) =>
  z.strictObject({
    files: z.array(
      z.strictObject({
        path: z.string(),
        change: z.enum(['added', 'modified', 'deleted', 'type_changed']),
        added: z.int(),
        removed: z.int(),
        binary: z.boolean(),
      }),
    ),
    sensitivePaths: z.array(z.string()),
    secrets: z.array(z.strictObject({ path: z.string(), line: z.int(), kind: z.string() })).default([]),
  }),
);

interface From {
  readonly journal: Journal;
}

/** All events of the run, oldest first. */
export async function readEvents(run: string, { journal }: From): Promise<readonly RunEvent[]> {
  const events: RunEvent[] = [];
  for (;;) {
    const page = await journal.read(run, events.at(-1)?.seq ?? 0, PAGE);
    events.push(...page);
    if (page.length < PAGE) return events;
  }
}

/** What was asked for; undefined if it was pruned. */
export async function readRequest(events: readonly RunEvent[], { journal }: From): Promise<RunRequest | undefined> {
  const [first] = events;
  if (first?.body.type !== 'run_started') return undefined;
  const text = await journal.content(first.body.requestHash);
  return text === undefined ? undefined : runRequestSchema().parse(JSON.parse(text));
}

/** A content without which the conversation of a run is not whole. Throws `journal_broken`. */
export async function readContent(hash: string, { journal }: From): Promise<string> {
  const content = await journal.content(hash);
  if (content !== undefined) return content;
  if (hash === sha256('')) return '';
  throw new CaissonError('journal_broken', `the content ${hash} that the run needs to go on is gone`);
}

/** The patch the record names; undefined if there is none or its content was pruned. */
export async function readPatch(
  record: RunRecord,
  events: readonly RunEvent[],
  { journal }: From,
): Promise<Patch | undefined> {
  const made = events.findLast(({ body }) => body.type === 'patch_made' && body.patchHash === record.patch);
  if (made?.body.type !== 'patch_made') return undefined;
  const { patchHash: hash, baseTree, resultTree, filesHash } = made.body;
  const [text, files] = await Promise.all([journal.content(hash), journal.content(filesHash)]);
  if (text === undefined || files === undefined) return undefined;
  return { text, hash, baseTree, resultTree, ...filesSchema().parse(JSON.parse(files)) };
}

/** The last outcome of each check on the base and on the patch, in the order they ended. */
export async function readChecks(events: readonly RunEvent[], { journal }: From): Promise<readonly CheckOutcome[]> {
  const commands = new Map<string, string>();
  const ended = new Map<string, EventOf<'check_finished'>>();
  for (const { body } of events) {
    if (body.type === 'check_started') commands.set(body.name, body.commandHash);
    if (body.type !== 'check_finished') continue;
    ended.delete(`${body.on} ${body.name}`);
    ended.set(`${body.on} ${body.name}`, body);
  }
  const read = async (hash: string | undefined) => (hash === undefined ? '' : ((await journal.content(hash)) ?? ''));
  return Promise.all(
    [...ended.values()].map(async ({ name, on, status, exitCode, outputHash, ms }) => ({
      name,
      command: await read(commands.get(name)),
      on,
      status,
      ...(exitCode === undefined ? {} : { exitCode }),
      ms,
      output: await read(outputHash),
    })),
  );
}

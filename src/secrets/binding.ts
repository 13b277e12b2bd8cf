// Owns which secrets a sandbox is given, each by its placeholder: what the policy allows, and what can be told apart. Knows no header.
import { createHmac } from 'node:crypto';
import { CaissonError } from '../base/errors.ts';
import type { Decision } from '../contracts/decisions.ts';
import type { BoundSecret, EgressMatch } from '../contracts/egress.ts';
import type { Decide } from '../contracts/ports.ts';
import { placeholderOf, valueProblem } from './placeholder.ts';

/** One of the configuration. */
export interface NamedSecret {
  readonly name: string;
  /** Rejects with `secret_unresolved` if it is not there. */
  readonly value: () => Promise<string>;
  readonly header: string;
  readonly match: EgressMatch;
}

/** What the policy says of a secret in a sandbox. */
export interface SecretDecision {
  readonly name: string;
  readonly decision: Decision;
}

export interface Bindings {
  /**
   * Those that `decide` allows, with placeholders that stay the same for the run, and every decision. One that a person would
   * have to be asked about is bound if `mayUse` says that somebody did allow it.
   */
  bind(
    run: string,
    decide: Decide,
    mayUse?: (name: string) => boolean,
  ): { readonly bound: readonly BoundSecret[]; readonly decided: readonly SecretDecision[] };
}

interface Read {
  readonly secret: NamedSecret;
  readonly value: string;
}

const MOST_ATTEMPTS = 16;

/**
 * Reads every value, once. `seed`: keeps placeholders from being guessed. Throws `secret_unresolved` for one that is not there, and
 * `config_invalid` for one that could not be masked: too short, or the same as another one.
 */
export async function readBindings(secrets: readonly NamedSecret[], seed: Uint8Array): Promise<Bindings> {
  const read = await Promise.all(secrets.map(async (secret) => ({ secret, value: await secret.value() })));
  for (const { secret, value } of read) {
    const problem = valueProblem(value) ?? twinProblem(secret, value, read);
    if (problem !== undefined) throw refused(secret.name, problem);
  }
  return {
    bind: (run, decide, mayUse = () => false) => {
      const decided = secrets.map(({ name }) => ({
        name,
        decision: decide({ type: 'secret', name }, { run, tool: 'network' }),
      }));
      const given = decided.filter(
        ({ name, decision: { verdict } }) => verdict === 'allow' || (verdict === 'ask' && mayUse(name)),
      );
      const names = new Set(given.map(({ name }) => name));
      return { bound: withPlaceholders(read, names, createHmac('sha256', seed).update(run).digest()), decided };
    },
  };
}

/** Every value that was read is kept apart from every placeholder, bound or not. */
function withPlaceholders(read: readonly Read[], names: ReadonlySet<string>, seed: Uint8Array): readonly BoundSecret[] {
  const taken = read.map(({ value }) => value);
  return read.flatMap(({ secret, value }) => {
    if (!names.has(secret.name)) return [];
    const placeholder = freePlaceholder(
      secret.name,
      value,
      taken,
      createHmac('sha256', seed).update(secret.name).digest(),
    );
    taken.push(placeholder);
    const { name, header, match } = secret;
    return [{ name, placeholder, value, header, match }];
  });
}

function freePlaceholder(name: string, value: string, taken: readonly string[], seed: Uint8Array): string {
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    const placeholder = placeholderOf(value, seed, attempt);
    if (taken.every((other) => !areAlike(other, placeholder))) return placeholder;
  }
  throw refused(name, 'is so like another secret that no placeholder could be told from it');
}

/** One would be found inside of the other. */
function areAlike(left: string, right: string): boolean {
  const [one, other] = [left.toLowerCase(), right.toLowerCase()];
  return one.includes(other) || other.includes(one);
}

function twinProblem({ name }: NamedSecret, value: string, read: readonly Read[]): string | undefined {
  const twin = read.find(
    ({ secret, value: other }) => secret.name !== name && other.toLowerCase() === value.toLowerCase(),
  );
  return twin && `has the same value as secrets.${twin.secret.name}: what an origin echoes could not be told apart`;
}

function refused(name: string, problem: string): CaissonError {
  const field = `secrets.${name}.value`;
  return new CaissonError('config_invalid', `the secret ${name} ${problem}`, { place: { field } });
}

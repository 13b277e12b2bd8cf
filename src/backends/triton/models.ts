// Owns what is known of the models of one Triton: which are loaded, and how each is spoken to. Knows no request.
import type { ServiceError } from '@grpc/grpc-js';
import type { Clock } from '../../base/clock.ts';
import { type Failure, failure, failureOfStatus } from './failure.ts';
import { type Spoken, tellDialect } from './dialects.ts';
import type { Channel } from './wire/channel.ts';

export type Known<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly failure: Failure };

export interface Models {
  /** Remembered for a minute. Never rejects. */
  find(model: string, signal: AbortSignal): Promise<Known<Spoken>>;
  forget(model: string): void;
  /** Names of the models that are loaded and take text. Never rejects. */
  loaded(signal: AbortSignal): Promise<Known<readonly string[]>>;
  /** Whether this one is loaded and takes text, asked anew. Never rejects. */
  check(model: string, signal: AbortSignal): Promise<Known<Spoken>>;
}

const FRESH_MS = 60_000;

/** `askMs`: how long each question may take, connecting included. */
export function createModels(channel: Channel, askMs: number, clock: Pick<Clock, 'monotonic'>): Models {
  const memory = new Map<string, { readonly spoken: Spoken; readonly until: number }>();
  const check: Models['check'] = async (model, signal) => {
    const found = await ask(channel, askMs, model, signal);
    if (found.ok) memory.set(model, { spoken: found.value, until: clock.monotonic() + FRESH_MS });
    else memory.delete(model);
    return found;
  };
  return {
    check,
    forget: (model) => memory.delete(model),
    find: async (model, signal) => {
      const known = memory.get(model);
      return known !== undefined && clock.monotonic() < known.until
        ? { ok: true, value: known.spoken }
        : check(model, signal);
    },
    loaded: async (signal) => {
      try {
        const index = await channel.ask(channel.methods.RepositoryIndex, { ready: true }, askMs, signal);
        const names = [...new Set(index.models.filter(({ state }) => state === 'READY').map(({ name }) => name))];
        const found = await Promise.all(names.map((name) => check(name, signal)));
        return { ok: true, value: names.filter((_, at) => found[at]?.ok === true) };
      } catch (error) {
        return { ok: false, failure: failureOf(error, channel, '') };
      }
    },
  };
}

/** Metadata and configuration are there as long as the model is loaded. */
async function ask(channel: Channel, ms: number, model: string, signal: AbortSignal): Promise<Known<Spoken>> {
  const { methods, address } = channel;
  const name = { name: model };
  try {
    const [metadata, { config }] = await Promise.all([
      channel.ask(methods.ModelMetadata, name, ms, signal),
      channel.ask(methods.ModelConfig, name, ms, signal),
    ]);
    const told = config === null ? { problem: 'has no configuration' } : tellDialect(metadata, config);
    if (!('problem' in told)) return { ok: true, value: told };
    const message = `the model ${JSON.stringify(model)} at ${address} ${told.problem}`;
    return { ok: false, failure: { event: failure('not_supported', message, false), said: '' } };
  } catch (error) {
    return { ok: false, failure: failureOf(error, channel, model) };
  }
}

function failureOf(error: unknown, { address }: Channel, model: string): Failure {
  return failureOfStatus(error as ServiceError, { address, model, begun: false });
}

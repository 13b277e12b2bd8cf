// Owns short words for the tests of Triton: a backend, an order to a scripted model, an answer gathered. Knows no test.
import { systemClock } from '../../../src/base/clock.ts';
import { type Limits, narrowLimits } from '../../../src/base/limits.ts';
import type { LogFields } from '../../../src/base/logger.ts';
import type { ChatRequest } from '../../../src/contracts/messages.ts';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import type { Backend } from '../../../src/contracts/ports.ts';
import { createTritonBackend, type TritonOptions } from '../../../src/backends/triton/backend.ts';
import { gather } from '../../unit/backends/events.ts';
import type { Triton } from './server.ts';

export interface Order {
  readonly pieces?: readonly string[];
  readonly turns?: readonly (readonly string[])[];
  readonly times?: number;
  readonly pause_ms?: number;
  /** Before the piece of this number. */
  readonly die?: number;
  readonly hang?: number;
  readonly fail?: number;
  readonly words?: string;
}

export interface Told {
  readonly message: string;
  readonly fields: LogFields;
}

export function backendAt(
  address: string,
  more: Partial<Omit<TritonOptions, 'limits'>> & { readonly limits?: Partial<Limits> } = {},
): Backend & { readonly told: readonly Told[] } {
  const told: Told[] = [];
  const log = (message: string, fields: LogFields = {}) => told.push({ message, fields });
  const backend = createTritonBackend({
    name: 'triton',
    address,
    clock: systemClock,
    logger: { info: log, warn: log, error: log },
    ...more,
    limits: narrowLimits(more.limits ?? {}),
  });
  return { ...backend, told };
}

/** In the prompt as one word, so that no template changes it. */
export function orderText(order: Order): string {
  return `@play:${Buffer.from(JSON.stringify(order)).toString('base64')}@`;
}

export function asked(model: string, order: Order, more: Partial<ChatRequest> = {}): ChatRequest {
  return { model, messages: [{ role: 'user', content: `Go on. ${orderText(order)}` }], ...more };
}

export const patience = (): AbortSignal => AbortSignal.timeout(30_000);

/** Of plain text: the text joined, and what else there was. */
export async function completed(backend: Backend, request: ChatRequest, signal = patience()) {
  return joined(await gather(backend.complete?.(request, signal) ?? none()));
}

export function joined(events: readonly ModelEvent[]) {
  const text = events.map((event) => (event.type === 'text' ? event.text : '')).join('');
  return { text, rest: events.filter(({ type }) => type !== 'text') };
}

/** Waits for the model to say so. */
export async function seen(triton: Triton, model: string, event: string, count = 1): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (triton.events().filter((one) => one.model === model && one.event === event).length >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${model} never ${event}: ${JSON.stringify(triton.events())}`);
}

async function* none(): AsyncGenerator<ModelEvent> {}

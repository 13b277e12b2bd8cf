// Owns the proof that an engine answers: one token, for real. What it says of its health proves little. Knows no wire format.
import type { Clock } from '../base/clock.ts';
import type { ModelErrorEvent } from '../contracts/model-events.ts';
import type { Backend } from '../contracts/ports.ts';

export type Proof =
  | { readonly ok: true; readonly milliseconds: number }
  | { readonly ok: false; readonly milliseconds: number; readonly failure: Pick<ModelErrorEvent, 'code' | 'message'> };

/** Never rejects. `timeoutMs` is for all of it: an engine that only now loads its model takes that long for its first token. */
export async function proveGeneration(
  backend: Pick<Backend, 'stream'>,
  model: string,
  { clock, timeoutMs }: { readonly clock: Pick<Clock, 'monotonic'>; readonly timeoutMs: number },
): Promise<Proof> {
  const began = clock.monotonic();
  const deadline = AbortSignal.timeout(timeoutMs);
  const request = { model, messages: [{ role: 'user' as const, content: 'Say yes.' }], maxTokens: 1 };
  let failure: Pick<ModelErrorEvent, 'code' | 'message'> = CUT;
  for await (const event of backend.stream(request, deadline)) {
    if (event.type === 'error') failure = event;
    if (event.type === 'finish') return { ok: true, milliseconds: Math.round(clock.monotonic() - began) };
  }
  const milliseconds = Math.round(clock.monotonic() - began);
  if (!deadline.aborted) return { ok: false, milliseconds, failure };
  return { ok: false, milliseconds, failure: { code: 'backend_failed', message: `no token within ${timeoutMs} ms` } };
}

const CUT = { code: 'backend_failed', message: 'the answer came to no end' } as const;

// Owns one question to the model with its attempts. Knows no engine: what may be tried again is what the error says.
import { canonicalJson } from '../base/json.ts';
import { sha256 } from '../base/hash.ts';
import type { ChatRequest } from '../contracts/messages.ts';
import type { ModelErrorEvent } from '../contracts/model-events.ts';
import { type Answer, type Gathered, gatherAnswer } from './answer.ts';
import type { AgentOptions, AgentPorts } from './ports.ts';
import type { AgentState } from './state.ts';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;

export type Asked =
  | { readonly ok: true; readonly answer: Answer; readonly ms: number }
  | { readonly ok: false; readonly error: ModelErrorEvent };

/** Sends the conversation as it stands. Nothing of a failed attempt is kept, so that sending again is safe. */
export async function askModel(
  state: AgentState,
  options: AgentOptions,
  ports: AgentPorts,
  signal: AbortSignal,
): Promise<Asked> {
  const request: ChatRequest = {
    model: options.model,
    messages: [...state.messages],
    tools: options.tools,
    affinity: options.run,
  };
  for (let attempt = 1; ; attempt += 1) {
    const started = ports.clock.monotonic();
    await emitRequested(state, options, ports, attempt);
    const gathered = await gather(request, ports, signal);
    if (gathered.ok) return { ok: true, answer: gathered.answer, ms: Math.round(ports.clock.monotonic() - started) };
    const { error } = gathered;
    if (signal.aborted) return { ok: false, error };
    await ports.emit([
      { body: { type: 'model_failed', attempt, code: error.code, message: error.message, retryable: error.retryable } },
    ]);
    if (!error.retryable || attempt >= ports.limits.modelAttempts) return { ok: false, error };
    await ports.sleep(waitMs(error, attempt), signal);
    if (signal.aborted) return { ok: false, error };
  }
}

async function gather(request: ChatRequest, ports: AgentPorts, signal: AbortSignal): Promise<Gathered> {
  try {
    return await gatherAnswer(ports.streamModel(request, signal), ports.progress);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, error: { type: 'error', code: 'backend_failed', message, retryable: true } };
  }
}

/** The journal gets each message once: a request names the one before it and adds what is new. */
async function emitRequested(
  state: AgentState,
  options: AgentOptions,
  ports: AgentPorts,
  attempt: number,
): Promise<void> {
  const first = state.lastRequest === '';
  const content = canonicalJson(
    first
      ? { model: options.model, tools: options.tools, messages: state.messages }
      : {
          previous: state.lastRequest,
          added: state.messages.slice(state.sent).map((item) => sha256(canonicalJson(item))),
        },
  );
  const requestHash = sha256(content);
  const messages = state.messages.length;
  await ports.emit([
    { body: { type: 'model_requested', step: state.steps + 1, attempt, messages, requestHash }, contents: [content] },
  ]);
  state.lastRequest = requestHash;
  state.sent = messages;
}

function waitMs(error: ModelErrorEvent, attempt: number): number {
  const asked = error.retryAfter === undefined ? FIRST_WAIT_MS * 2 ** (attempt - 1) : error.retryAfter * 1000;
  return Math.min(asked, LONGEST_WAIT_MS);
}

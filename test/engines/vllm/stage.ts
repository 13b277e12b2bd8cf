// Owns the stage of the tests: a real vLLM, the service in front of it, and our backend on it directly. Knows no test.
import { createOpenAIBackend } from '../../../src/backends/openai/backend.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import type { ChatRequest, ToolDefinition } from '../../../src/contracts/messages.ts';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import type { Backend } from '../../../src/contracts/ports.ts';
import { type Served, startOver } from '../../sdk/service.ts';
import { findVllm } from './install.ts';
import { cueFor, type PlayName } from './plays.ts';
import { MODEL, startVllm, type Vllm } from './server.ts';

export interface Stage {
  readonly vllm: Vllm;
  readonly backend: Backend;
  readonly service: Served;
  stop(): Promise<void>;
}

/** Of each test: the first of a kind may have the engine compile something. */
export const EACH = { timeout: 120_000 };

/** Tests are told of before it is there. */
export type OnStage = () => Stage;

export async function openStage(): Promise<Stage> {
  const found = await findVllm(process.env['CAISSON_TEST_PYTHON']);
  if (!found.ok) throw new Error(`no vLLM for the tests: ${found.why}`);
  const vllm = await startVllm(found.value);
  const service = await startOver([{ model: MODEL, url: vllm.url }]).catch(async (error: unknown) => {
    await vllm.stop();
    throw error;
  });
  const backend = createOpenAIBackend({ name: 'vllm', url: vllm.url, limits: LIMITS, clock: systemClock });
  return {
    vllm,
    backend,
    service,
    stop: async () => {
      await Promise.allSettled([service.stop(), vllm.stop()]);
    },
  };
}

const string = { type: 'string' };
export const TOOLS: readonly ToolDefinition[] = [
  tool('get_weather', { city: string, days: { type: 'integer' }, hourly: { type: 'boolean' } }, 'city'),
  tool('read_file', { path: string }, 'path'),
  tool(
    'write_file',
    { path: string, content: string, overwrite: { type: 'boolean' }, tags: { type: 'array' } },
    'path',
    'content',
  ),
];

function tool(name: string, properties: object, ...required: readonly string[]): ToolDefinition {
  return {
    name,
    description: `The tool ${name}.`,
    parameters: { type: 'object', properties: { ...properties }, required },
  };
}

export function ask(play: PlayName, more: Partial<ChatRequest> = {}): ChatRequest {
  return { model: MODEL, messages: [{ role: 'user', content: cueFor(play) }], tools: TOOLS, maxTokens: 4000, ...more };
}

export async function eventsOf(
  backend: Backend,
  request: ChatRequest,
  signal = patient(),
): Promise<readonly ModelEvent[]> {
  const events: ModelEvent[] = [];
  for await (const event of backend.stream(request, signal)) events.push(event);
  return events;
}

function patient(): AbortSignal {
  return new AbortController().signal;
}

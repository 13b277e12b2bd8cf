// Streams of the chat endpoint over real HTTP: each is checked chunk by chunk, and put together as a client does it.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { ChatRequest } from '../../src/contracts/messages.ts';
import type { ModelEvent } from '../../src/contracts/model-events.ts';
import { call, callJson } from './http.ts';
import { says, type Service, startService } from './service.ts';

export const PATH = '/v1/chat/completions';
export const ASK = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };

export interface Started {
  readonly service: Service;
  readonly key: string;
}

export function start(context: TestContext, ...events: readonly ModelEvent[]): Promise<Started> {
  return startWith(context, says(...events));
}

export async function startWith(
  context: TestContext,
  model: (request: ChatRequest) => AsyncIterable<ModelEvent>,
): Promise<Started> {
  const service = await startService(context, { model });
  return { service, key: await service.key(['client']) };
}

export interface Choice {
  readonly index: number;
  readonly delta: Delta;
  readonly logprobs: { readonly content: readonly object[] } | null;
  readonly finish_reason: string | null;
}

interface Called {
  readonly name?: string;
  readonly arguments?: string;
}

interface Delta {
  readonly role?: string;
  readonly content?: string;
  readonly reasoning_content?: string;
  readonly function_call?: Called;
  readonly tool_calls?: readonly {
    readonly index: number;
    readonly id?: string;
    readonly type?: string;
    readonly function: Called;
  }[];
}

export interface Chunk {
  readonly id: string;
  readonly choices: readonly Choice[];
  readonly usage?: object;
}

/** The text of a stream that ended as it should, and what a client makes of it. */
export async function readStream({ service, key }: Started, changes: object = {}) {
  const answer = await call(service, 'POST', PATH, { key, json: { ...ASK, stream: true, ...changes } });
  assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'text/event-stream; charset=utf-8']);
  const lines = answer.text.split('\n\n');
  assert.deepEqual(lines.splice(-2), ['data: [DONE]', ''], 'the stream ends with [DONE]');
  const chunks = lines.map((line) => {
    assert.match(line, /^data: \{/);
    return JSON.parse(line.slice('data: '.length)) as Chunk;
  });
  return { text: answer.text, chunks, ...gathered(chunks) };
}

/** The whole answer, without what no other answer shares. */
export async function readWhole({ service, key }: Started, changes: object = {}) {
  const json = { ...ASK, ...changes };
  const answer = await callJson<{ readonly choices: readonly object[]; readonly usage?: object }>(
    service,
    'POST',
    PATH,
    { key, json },
  );
  assert.equal(answer.status, 200, answer.text);
  const { choices, usage } = answer.body;
  return { choices, ...(usage === undefined ? {} : { usage }) };
}

/** In the form of a whole answer. Each choice begins with its role, finishes once, and says nothing more. */
function gathered(chunks: readonly Chunk[]) {
  const choices: Gathering[] = [];
  let usage: object | undefined;
  for (const chunk of chunks) {
    assert.equal(chunk.id, chunks[0]?.id);
    if (chunk.usage !== undefined) {
      assert.deepEqual([chunk.choices, usage], [[], undefined], 'usage comes once, and alone');
      usage = chunk.usage;
    } else {
      assert.equal(usage, undefined, 'usage is the last of all');
      for (const choice of chunk.choices) take((choices[choice.index] ??= begin()), choice);
    }
  }
  return { choices: choices.map(wholeOf), ...(usage === undefined ? {} : { usage }) };
}

interface Gathering {
  role: string;
  content: string;
  reasoning: string;
  readonly calls: { id: string; type: string; function: { name: string; arguments: string } }[];
  functionCall: { name: string; arguments: string } | undefined;
  readonly logprobs: object[];
  finish: string | undefined;
}

function begin(): Gathering {
  return { role: '', content: '', reasoning: '', calls: [], functionCall: undefined, logprobs: [], finish: undefined };
}

function take(into: Gathering, { delta, logprobs, finish_reason: finish }: Choice): void {
  assert.equal(into.finish, undefined, 'nothing comes behind the finish');
  if (delta.role !== undefined) assert.equal(into.role, '', 'the role comes once');
  into.role += delta.role ?? '';
  assert.equal(into.role, 'assistant', 'the role comes first');
  takeWords(into, delta);
  for (const fragment of delta.tool_calls ?? []) takeCall(into, fragment);
  into.logprobs.push(...(logprobs?.content ?? []));
  into.finish = finish ?? undefined;
}

function takeWords(
  into: Gathering,
  { content = '', reasoning_content: reasoning = '', function_call: call }: Delta,
): void {
  into.content += content;
  into.reasoning += reasoning;
  if (call === undefined) return;
  into.functionCall ??= { name: '', arguments: '' };
  into.functionCall.name += call.name ?? '';
  into.functionCall.arguments += call.arguments ?? '';
}

function takeCall({ calls }: Gathering, fragment: NonNullable<Delta['tool_calls']>[number]): void {
  const known = calls[fragment.index];
  const { name = '', arguments: text = '' } = fragment.function;
  if (known === undefined) {
    assert.equal(fragment.index, calls.length, 'calls are numbered without gaps');
    assert.ok(fragment.id !== undefined && fragment.id !== '' && fragment.type === 'function' && name !== '');
    calls.push({ id: fragment.id, type: fragment.type, function: { name, arguments: text } });
  } else {
    assert.deepEqual([fragment.id, fragment.type, fragment.function.name], [undefined, undefined, undefined]);
    known.function.arguments += text;
  }
}

function wholeOf(
  { role, content, reasoning, calls, functionCall, logprobs, finish }: Gathering,
  index: number,
): object {
  const isOnlyCalls = content === '' && (calls.length > 0 || functionCall !== undefined);
  return {
    index,
    message: {
      role,
      content: isOnlyCalls ? null : content,
      refusal: null,
      ...(reasoning === '' ? {} : { reasoning_content: reasoning }),
      ...(functionCall === undefined ? {} : { function_call: functionCall }),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
    logprobs: logprobs.length === 0 ? null : { content: logprobs, refusal: null },
    finish_reason: finish,
  };
}

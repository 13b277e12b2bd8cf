// Streams of the Messages endpoint over real HTTP: each is checked by the state machine, whatever the test looks for.
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { call, open } from '../http.ts';
import { says, type Service, startService } from '../service.ts';
import { type Checked, checkStream } from './checker.ts';

export const PATH = '/v1/messages';
export const ASK = { model: 'm', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };

export interface Started {
  readonly service: Service;
  readonly key: string;
}

export async function start(context: TestContext, ...events: readonly ModelEvent[]): Promise<Started> {
  const service = await startService(context, { model: says(...events) });
  return { service, key: await service.key(['client']) };
}

/** A stream that ends as it should. */
export async function readStream({ service, key }: Started, changes: object = {}): Promise<Checked & { text: string }> {
  const { status, headers, text } = await call(service, 'POST', PATH, {
    key,
    json: { ...ASK, stream: true, ...changes },
  });
  assert.deepEqual([status, headers['content-type']], [200, 'text/event-stream; charset=utf-8']);
  assert.match(String(headers['request-id']), /^req_/);
  return { ...checkStream(text), text };
}

/** A stream whose connection breaks. `onText` hears what has come so far. */
export async function readBroken(
  { service, key }: Started,
  changes: object = {},
  onText: (text: string) => void = () => {},
): Promise<Checked & { text: string }> {
  const answer = await open(service, 'POST', PATH, { key, json: { ...ASK, stream: true, ...changes } });
  const text = await untilBroken(answer, onText);
  return { ...checkStream(text, true), text };
}

async function untilBroken(answer: IncomingMessage, onText: (text: string) => void): Promise<string> {
  let text = '';
  try {
    for await (const chunk of answer) {
      text += String(chunk);
      onText(text);
    }
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
    return text;
  }
  throw new Error(`the answer ended tidily: ${text}`);
}

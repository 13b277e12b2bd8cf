// Streams of the Messages endpoint over real HTTP: each is checked by the state machine, whatever the test looks for.
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { open } from '../http.ts';
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

export type Read = Checked & { readonly text: string };
type OnText = (text: string) => void;

/** A stream that ends as it should. `onText` hears what has come so far. */
export async function readStream(started: Started, changes: object = {}, onText: OnText = () => {}): Promise<Read> {
  const answer = await openStream(started, changes);
  const text = await read(answer, onText);
  return { ...checkStream(text), text };
}

/** A stream whose connection breaks. */
export async function readBroken(started: Started, changes: object = {}, onText: OnText = () => {}): Promise<Read> {
  const answer = await openStream(started, changes);
  let text = '';
  const whole = read(answer, (soFar) => {
    text = soFar;
    onText(soFar);
  });
  await assert.rejects(whole, { code: 'ECONNRESET' });
  return { ...checkStream(text, true), text };
}

async function openStream({ service, key }: Started, changes: object): Promise<IncomingMessage> {
  const answer = await open(service, 'POST', PATH, { key, json: { ...ASK, stream: true, ...changes } });
  const { statusCode, headers } = answer;
  assert.deepEqual([statusCode, headers['content-type']], [200, 'text/event-stream; charset=utf-8']);
  assert.match(String(headers['request-id']), /^req_/);
  return answer;
}

async function read(answer: IncomingMessage, onText: OnText): Promise<string> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) {
    text += String(chunk);
    onText(text);
  }
  return text;
}

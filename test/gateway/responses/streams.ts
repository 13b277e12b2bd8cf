// Streams of the Responses dialect as they came over the wire, event by event.
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { call, callJson, open } from '../http.ts';
import { says, type Service, startService, type Wishes } from '../service.ts';
import { checkStream, type Fields } from './checker.ts';

export const PATH = '/v1/responses';
export const ASK = { model: 'm', input: 'hi' };

export async function start(context: TestContext, ...events: readonly ModelEvent[]) {
  return startWith(context, { model: says(...events) });
}

export async function startWith(context: TestContext, wishes: Wishes) {
  const service = await startService(context, wishes);
  return { service, key: await service.key(['client']) };
}

/** The events of a text; each has the name that its data say. */
export function eventsOf(text: string): readonly Fields[] {
  assert.ok(text === '' || text.endsWith('\n\n'), 'the last event is whole');
  return text
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => {
      const [name, data, ...more] = block.split('\n');
      assert.deepEqual(more, []);
      assert.match(String(data), /^data: /);
      const event = JSON.parse(String(data).slice('data: '.length)) as Fields;
      assert.equal(name, `event: ${String(event['type'])}`);
      return event;
    });
}

/** Asks for a stream, checks it from its first event to its last, and gives its events. */
export async function stream(service: Service, key: string, body: object): Promise<readonly Fields[]> {
  const answer = await call(service, 'POST', PATH, { key, json: { ...body, stream: true } });
  assert.equal(answer.status, 200, answer.text);
  assert.equal(answer.headers['content-type'], 'text/event-stream; charset=utf-8');
  assert.match(String(answer.headers['x-request-id']), /^req_/);
  const events = eventsOf(answer.text);
  checkStream(events, 'whole');
  return events;
}

export async function whole(service: Service, key: string, body: object): Promise<Fields> {
  const { status, body: response, text } = await callJson<Fields>(service, 'POST', PATH, { key, json: body });
  assert.equal(status, 200, text);
  return response;
}

/** The response object at the end of a stream. */
export function finalOf(events: readonly Fields[]): Fields {
  return events.at(-1)?.['response'] as Fields;
}

/** The same with ids and times replaced by what they are, so that streams can be compared. */
export function plain<Value>(value: Value): Value {
  const names = new Map<string, string>();
  const text = JSON.stringify(value)
    .replaceAll(/"(resp|msg|rs|fc|ctc|call)_[0-9a-hjkmnp-tv-z]{26}"/g, (id, prefix: string) => {
      const known =
        names.get(id) ?? `${prefix}_${[...names.values()].filter((name) => name.startsWith(`${prefix}_`)).length + 1}`;
      names.set(id, known);
      return `"${known}"`;
    })
    .replaceAll(/"(created_at|completed_at)":\d+/g, '"$1":1');
  return JSON.parse(text) as Value;
}

/** Reads a stream that must break; `onData` gets all that has come so far. Checks that what came could have gone on. */
export async function broken(
  service: Service,
  key: string,
  body: object,
  onData: (text: string) => void = () => {},
): Promise<{ readonly events: readonly Fields[]; readonly done: readonly Fields[] }> {
  const answer = await open(service, 'POST', PATH, { key, json: { ...body, stream: true } });
  assert.equal(answer.statusCode, 200);
  let text = '';
  try {
    for await (const chunk of answer) {
      text += String(chunk);
      onData(text);
    }
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ECONNRESET');
    const events = eventsOf(text.slice(0, text.lastIndexOf('\n\n') + 2));
    return { events, done: checkStream(events, 'cut') };
  }
  throw new Error(`the answer ended tidily: ${text}`);
}

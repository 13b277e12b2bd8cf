// Shows what becomes of a response that is stored: continued, looked at, listed, deleted, by its owner alone; and one that is given up.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { systemClock } from '../../../src/base/clock.ts';
import { CaissonError } from '../../../src/base/errors.ts';
import { noFaults } from '../../../src/base/faults.ts';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import type { ResponseStore } from '../../../src/contracts/stored-responses.ts';
import { openStore } from '../../../src/store/open.ts';
import { createResponseStore } from '../../../src/store/response-store.ts';
import { call, callJson } from '../http.ts';
import { says, type Service, startService, type Wishes } from '../service.ts';
import type { Fields } from './checker.ts';
import { ASK, broken, finalOf, PATH, plain, start, stream, whole } from './streams.ts';

const ANSWER: readonly ModelEvent[] = [
  { type: 'reasoning', text: 'hm' },
  { type: 'tool_call', index: 0, id: 'c1', name: 'f', arguments: '{}', complete: true },
  { type: 'finish', reason: 'tool_calls' },
];
const SHOWN = {
  role: 'assistant',
  content: '',
  reasoning: 'hm',
  toolCalls: [{ id: 'c1', name: 'f', arguments: '{}' }],
};
const RESULT = { type: 'function_call_output', call_id: 'c1', output: 'done' };

/** A service that stores what it is asked to store. */
async function startStoring(
  context: TestContext,
  model: NonNullable<Wishes['model']>,
  changes: Partial<ResponseStore> = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-stored-'));
  const store = await openStore({ dataDir: folder, faults: noFaults });
  const responses = { ...createResponseStore({ store, clock: systemClock }), ...changes };
  const service = await startService(context, { model, changes: { responses } });
  context.after(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { service, key: await service.key(['client']), other: await service.key(['client'], 'blue') };
}

async function refused(service: Service, key: string, method: string, path: string): Promise<readonly unknown[]> {
  const { status, body } = await callJson<{ error: Fields }>(service, method, path, { key });
  return [status, body.error['code'], body.error['message']];
}

describe('a stored response', () => {
  for (const streamed of [true, false])
    test(`is continued by its id with all before it, streamed: ${streamed}`, async (context) => {
      const { service, key } = await startStoring(context, says(...ANSWER));
      const ask = async (body: object) =>
        streamed ? finalOf(await stream(service, key, body)) : await whole(service, key, body);
      const first = await ask({ ...ASK, instructions: 'only now' });
      assert.equal(first['store'], true);
      const second = await ask({ ...ASK, input: [RESULT], previous_response_id: first['id'] });
      assert.equal(second['previous_response_id'], first['id']);
      await ask({ ...ASK, input: 'and now?', previous_response_id: second['id'], store: false });
      const before = [
        { role: 'user', content: 'hi' },
        SHOWN,
        { role: 'tool', callId: 'c1', content: 'done' },
        SHOWN,
        // Of the second call the client never told the result.
        { role: 'tool', callId: 'c1', content: 'Error: the result of this call is missing', isError: true },
        { role: 'user', content: 'and now?' },
      ];
      assert.deepEqual(
        service.asked.map(({ request }) => request.messages),
        [[{ role: 'system', content: 'only now' }, before[0]], before.slice(0, 3), before],
      );
      assert.deepEqual((await callJson(service, 'GET', `${PATH}/${String(first['id'])}`, { key })).body, first);
    });

  test('is there before its end is told, and another key does not find it', async (context) => {
    const { service, key, other } = await startStoring(context, says(...ANSWER));
    const id = String((await whole(service, key, ASK))['id']);
    const path = `${PATH}/${id}`;
    assert.equal((await call(service, 'GET', path, { key })).status, 200);
    const gone = [404, 'not_found', `there is no response ${id}`];
    assert.deepEqual(await refused(service, other, 'GET', path), gone);
    assert.deepEqual(await refused(service, other, 'GET', `${path}/input_items`), gone);
    assert.deepEqual(await refused(service, other, 'POST', `${path}/cancel`), gone);
    assert.deepEqual(await refused(service, other, 'DELETE', path), gone);
    const json = { ...ASK, previous_response_id: id };
    const stranger = await callJson<{ error: Fields }>(service, 'POST', PATH, { key: other, json });
    assert.deepEqual(
      [stranger.status, stranger.body.error],
      [
        404,
        {
          message: `there is no response ${id}`,
          type: 'not_found_error',
          param: 'previous_response_id',
          code: 'not_found',
        },
      ],
    );
  });

  test('is deleted with its items, and what continues it says so', async (context) => {
    const { service, key } = await startStoring(context, says(...ANSWER));
    const first = await whole(service, key, ASK);
    const second = await whole(service, key, { ...ASK, input: [RESULT], previous_response_id: first['id'] });
    const path = `${PATH}/${String(first['id'])}`;
    const deleted = await callJson(service, 'DELETE', path, { key });
    assert.deepEqual(deleted.body, { id: first['id'], object: 'response', deleted: true });
    const gone = `there is no response ${String(first['id'])}`;
    assert.deepEqual(await refused(service, key, 'DELETE', path), [404, 'not_found', gone]);
    const json = { ...ASK, previous_response_id: second['id'] };
    const { body } = await callJson<{ error: Fields }>(service, 'POST', PATH, { key, json });
    assert.equal(body.error['message'], `${gone}, which ${String(second['id'])} continues`);
  });

  test('tells in pages what the model was shown', async (context) => {
    const { service, key } = await startStoring(context, says(...ANSWER));
    const first = await whole(service, key, ASK);
    const own = [RESULT, { role: 'user', content: [{ type: 'input_text', text: 'go on' }], id: 'msg_mine' }];
    const second = await whole(service, key, { ...ASK, input: own, previous_response_id: first['id'] });
    const list = async (query: string) => {
      const path = `${PATH}/${String(second['id'])}/input_items${query}`;
      return (await callJson<Record<string, unknown> & { data: readonly Fields[] }>(service, 'GET', path, { key }))
        .body;
    };
    const all = await list('?order=asc');
    const [thought, called] = first['output'] as readonly Fields[];
    assert.deepEqual(
      plain(all.data),
      plain([
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }], id: all.data[0]?.['id'] },
        thought,
        called,
        { ...RESULT, id: all.data[3]?.['id'] },
        { type: 'message', ...own[1] },
      ]),
    );
    assert.deepEqual([all['first_id'], all['last_id'], all['has_more']], [all.data[0]?.['id'], 'msg_mine', false]);
    const page = await list('?limit=2');
    assert.deepEqual([page.data, page['has_more']], [all.data.toReversed().slice(0, 2), true]);
    const next = await list(`?limit=3&after=${String(page['last_id'])}`);
    assert.deepEqual([next.data, next['has_more']], [all.data.toReversed().slice(2), false]);
    const path = `${PATH}/${String(second['id'])}/input_items`;
    assert.equal((await call(service, 'GET', `${path}?limit=0`, { key })).status, 400);
    assert.equal((await call(service, 'GET', `${path}?after=nothing`, { key })).status, 404);
  });

  test('can be named item by item', async (context) => {
    const { service, key, other } = await startStoring(context, says(...ANSWER));
    const output = (await whole(service, key, ASK))['output'] as readonly Fields[];
    const names = output.map(({ id }) => ({ type: 'item_reference', id }));
    const input = [{ role: 'user', content: 'hi' }, ...names, RESULT];
    await whole(service, key, { ...ASK, input });
    assert.deepEqual(service.asked.at(-1)?.request.messages.slice(1), [
      SHOWN,
      { role: 'tool', callId: 'c1', content: 'done' },
    ]);
    assert.equal((await call(service, 'POST', PATH, { key: other, json: { ...ASK, input } })).status, 404);
  });

  test('is not given as a stream, and has nothing to cancel', async (context) => {
    const { service, key } = await startStoring(context, says(...ANSWER));
    const id = String((await whole(service, key, ASK))['id']);
    const words = 'stream: a response that exists already is given whole, not as a stream';
    assert.deepEqual(await refused(service, key, 'GET', `${PATH}/${id}?stream=true`), [400, 'invalid_input', words]);
    const ended = `the response ${id} has ended: there is nothing to cancel`;
    assert.deepEqual(await refused(service, key, 'POST', `${PATH}/${id}/cancel`), [400, 'invalid_input', ended]);
  });

  test('that was cut is not stored', async (context) => {
    let saved = 0;
    const save = async () => {
      saved += 1;
    };
    const seen = Promise.withResolvers<void>();
    const half = async function* half(): AsyncGenerator<ModelEvent> {
      yield { type: 'text', text: 'half' };
      await seen.promise;
    };
    const { service, key } = await startStoring(context, half, { save });
    await broken(service, key, ASK, () => seen.resolve());
    assert.equal((await call(service, 'POST', PATH, { key, json: ASK })).status, 502);
    assert.equal(saved, 0);
  });

  test('that cannot be stored is given all the same, and says that it is not stored', async (context) => {
    const save = () => Promise.reject(new CaissonError('disk_full', 'the disk is full'));
    const { service, key } = await startStoring(context, says(...ANSWER), { save });
    assert.equal(finalOf(await stream(service, key, ASK))['store'], false);
    assert.equal((await whole(service, key, ASK))['store'], false);
    assert.ok(service.logged.some(({ message }) => message === 'a response could not be stored'));
  });
});

describe('where the service stores none', () => {
  test('the answer says so, and so do those who look for it', async (context) => {
    const { service, key } = await start(context, ...ANSWER);
    const response = await whole(service, key, { ...ASK, store: true });
    assert.equal(response['store'], false);
    const path = `${PATH}/${String(response['id'])}`;
    const gone = [404, 'not_found', `there is no response ${String(response['id'])}: this service stores none`];
    assert.deepEqual(await refused(service, key, 'GET', path), gone);
    assert.deepEqual(await refused(service, key, 'DELETE', path), gone);
    assert.deepEqual(await refused(service, key, 'GET', `${path}/input_items`), gone);
    assert.deepEqual(await refused(service, key, 'POST', `${path}/cancel`), gone);
  });

  test('items that were given out lately can still be named by their own key, unless nothing was to be stored', async (context) => {
    const { service, key } = await start(context, ...ANSWER);
    const named = async (asker: string, response: Fields) => {
      const names = (response['output'] as readonly Fields[]).map(({ id }) => ({ type: 'item_reference', id }));
      const json = { ...ASK, input: [{ role: 'user', content: 'hi' }, ...names, RESULT] };
      return (await call(service, 'POST', PATH, { key: asker, json })).status;
    };
    const response = await whole(service, key, ASK);
    assert.equal(await named(key, response), 200);
    assert.deepEqual(service.asked.at(-1)?.request.messages[1], SHOWN);
    assert.equal(await named(key, finalOf(await stream(service, key, ASK))), 200);
    assert.equal(await named(await service.key(['client'], 'blue'), response), 404);
    assert.equal(await named(key, await whole(service, key, { ...ASK, store: false })), 404);
  });
});

describe('a response that is given up by its id', () => {
  async function startEndless(context: TestContext, ...first: readonly ModelEvent[]) {
    const begun = Promise.withResolvers<AbortSignal>();
    const ended = Promise.withResolvers<void>();
    const service = await startService(context, {
      model: async function* model(_request, signal): AsyncGenerator<ModelEvent> {
        yield* first;
        begun.resolve(signal);
        if (!signal.aborted) await once(signal, 'abort');
        ended.resolve();
        yield { type: 'error', code: 'aborted', message: 'the request was aborted', retryable: false };
      },
    });
    return { service, key: await service.key(['client']), begun: begun.promise, ended: ended.promise };
  }

  test('ends its generation; its stream breaks, and who cancels gets what was whole', async (context) => {
    const first: readonly ModelEvent[] = [ANSWER[0]!, ANSWER[1]!, { type: 'text', text: 'and' }];
    const { service, key, ended } = await startEndless(context, ...first);
    const answers: Promise<Fields>[] = [];
    const { done } = await broken(service, key, ASK, (text) => {
      const id = /"id":"(resp_\w+)"/.exec(text)?.[1];
      if (answers.length > 0 || id === undefined || !text.includes('"delta":"and"')) return;
      answers.push(cancel(service, key, id));
    });
    await ended;
    const cancelled = await answers[0];
    assert.deepEqual([cancelled?.['status'], cancelled?.['output']], ['cancelled', done]);
    assert.equal(done.length, 2);
  });

  test('is seen while it is made, by its own key alone; its plain request gets the cancelled object', async (context) => {
    let id = '';
    const { service, key, begun } = await startEndless(context);
    const newId = service.ports.newId.bind(service.ports);
    Object.assign(service.ports, {
      newId: (prefix: string) => {
        const made = newId(prefix);
        if (prefix === 'resp') id = made;
        return made;
      },
    });
    const answer = callJson<Fields>(service, 'POST', PATH, { key, json: ASK });
    await begun;
    const other = await service.key(['client'], 'blue');
    assert.equal((await call(service, 'GET', `${PATH}/${id}`, { key: other })).status, 404);
    assert.equal((await call(service, 'POST', `${PATH}/${id}/cancel`, { key: other })).status, 404);
    const seen = await callJson<Fields>(service, 'GET', `${PATH}/${id}`, { key });
    assert.equal(seen.body['status'], 'in_progress');
    const cancelled = await cancel(service, key, id);
    assert.deepEqual((await answer).body, cancelled);
    assert.equal((await call(service, 'GET', `${PATH}/${id}`, { key })).status, 404);
  });

  async function cancel(service: Service, key: string, id: string): Promise<Fields> {
    return (await callJson<Fields>(service, 'POST', `${PATH}/${id}/cancel`, { key })).body;
  }
});

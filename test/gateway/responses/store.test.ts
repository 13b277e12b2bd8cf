// Shows that stored responses are found by their owner alone, in the order of their conversation, until they are deleted or old.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { noFaults } from '../../../src/base/faults.ts';
import type { StoredResponse } from '../../../src/contracts/stored-responses.ts';
import { openStore } from '../../../src/store/open.ts';
import { createResponseStore } from '../../../src/store/response-store.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

async function start(context: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-responses-'));
  const store = await openStore({ dataDir: folder, faults: noFaults });
  context.after(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });
  let now = 1_700_000_000_000;
  return {
    responses: createResponseStore({ store, clock: { now: () => now, monotonic: () => now } }),
    now: () => now,
    wait: (ms: number) => {
      now += ms;
    },
  };
}

function stored(id: string, createdAt: number, previous?: string): StoredResponse {
  const output = [{ type: 'message', id: `msg_${id}`, content: [{ type: 'output_text', text: `from ${id}` }] }];
  return {
    id,
    owner: 'key_1',
    ...(previous === undefined ? {} : { previous }),
    createdAt,
    response: { id, object: 'response', output },
    input: [{ type: 'message', id: `in_${id}`, role: 'user', content: `to ${id}` }],
    output,
  };
}

test('a response is found as it was saved, and by its owner alone', async (context) => {
  const { responses, now } = await start(context);
  const first = stored('resp_1', now());
  await responses.save(first);
  assert.deepEqual(await responses.get('resp_1', 'key_1'), first);
  assert.equal(await responses.get('resp_1', 'key_2'), undefined);
  assert.deepEqual(await responses.chain('resp_1', 'key_2'), { missing: 'resp_1' });
  assert.deepEqual(await responses.items(['msg_resp_1'], 'key_2'), new Map());
});

test('a conversation comes from its first response on, and says which one is missing', async (context) => {
  const { responses, now } = await start(context);
  const [a, b, c] = [stored('a', now()), stored('b', now(), 'a'), stored('c', now(), 'b')];
  for (const one of [a, b, c]) await responses.save(one);
  assert.deepEqual(await responses.chain('c', 'key_1'), { found: [a, b, c] });
  assert.equal(await responses.remove('a', 'key_2'), false);
  assert.equal(await responses.remove('a', 'key_1'), true);
  assert.equal(await responses.remove('a', 'key_1'), false);
  assert.deepEqual(await responses.chain('c', 'key_1'), { missing: 'a' });
});

test('items are found by their ids, those of deleted responses are not', async (context) => {
  const { responses, now } = await start(context);
  const [a, b] = [stored('a', now()), stored('b', now())];
  await responses.save(a);
  await responses.save(b);
  const ids = ['msg_a', 'in_b', 'nothing'];
  assert.deepEqual(
    await responses.items(ids, 'key_1'),
    new Map([
      ['msg_a', a.output[0]],
      ['in_b', b.input[0]],
    ]),
  );
  await responses.remove('a', 'key_1');
  assert.deepEqual(await responses.items(ids, 'key_1'), new Map([['in_b', b.input[0]]]));
});

test('a response is forgotten after thirty days', async (context) => {
  const { responses, now, wait } = await start(context);
  await responses.save(stored('old', now()));
  wait(30 * DAY_MS);
  await responses.save(stored('young', now()));
  assert.notEqual(await responses.get('old', 'key_1'), undefined);
  wait(1);
  await responses.save(stored('last', now()));
  assert.equal(await responses.get('old', 'key_1'), undefined);
  assert.deepEqual(
    await responses.items(['msg_old', 'msg_young'], 'key_1'),
    new Map([['msg_young', stored('young', 0).output[0]]]),
  );
});

test('a conversation of more than 32 million characters is not taken up', async (context) => {
  const { responses, now } = await start(context);
  const big = {
    ...stored('big', now()),
    input: [{ type: 'message', role: 'user', content: 'x'.repeat(32 * 1024 * 1024) }],
  };
  await responses.save(big);
  assert.deepEqual(await responses.chain('big', 'key_1'), { tooLarge: 32 * 1024 * 1024 });
});

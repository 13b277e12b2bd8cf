// What a journal promises to those who append to it, read from it and listen to it.
import assert from 'node:assert/strict';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CaissonError } from '../../../src/base/errors.ts';
import { sha256 } from '../../../src/base/hash.ts';
import { isId } from '../../../src/base/ids.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import type { RunEvent } from '../../../src/contracts/run-events.ts';
import { chainStart } from '../../../src/journal/format.ts';
import { verifyJournal } from '../../../src/journal/verify.ts';
import { fixedClock, inDirectory, inScene, opened, openScene, type Scene, said, verifyDirectory } from './scene.ts';

const rejectsWith = (code: string, pattern: RegExp) => (error: CaissonError) => {
  assert.equal(error.code, code);
  assert.match(error.message, pattern);
  return true;
};

const whole = { integrity: { ok: true }, completeness: { state: 'complete' } };

async function assertWhole({ store, headFile, key }: Scene): Promise<void> {
  const { integrity, completeness } = await verifyJournal({ store, headFile, key });
  assert.deepEqual({ integrity, completeness }, whole);
}

test('an appended event comes back whole, linked to the start of its chain, and can be read again', async () => {
  await inScene(async ({ journal }) => {
    const body = { type: 'message_received', by: 'key_1', textHash: sha256('hello') } as const;
    const [event] = await journal.append([{ chain: 'run_1', step: 2, parent: 'ev_x', body, contents: ['hello'] }]);
    assert.ok(event !== undefined && isId('ev', event.id));
    assert.deepEqual(event, {
      v: 1,
      id: event.id,
      chain: 'run_1',
      seq: 1,
      step: 2,
      time: fixedClock.now(),
      parent: 'ev_x',
      body,
      previous: chainStart('run_1'),
      hash: event.hash,
    });
    assert.deepEqual(await journal.read('run_1', 0, 10), [event]);
    assert.equal(await journal.content(body.textHash), 'hello');
  });
});

test('step and parent are 0 and empty when they are not given', async () => {
  await inScene(async ({ journal }) => {
    const [event] = await journal.append([opened('run_1')]);
    assert.deepEqual([event?.step, event?.parent], [0, '']);
  });
});

test('nothing is appended by an empty append', async () => {
  await inScene(async ({ journal }) => {
    assert.deepEqual(await journal.append([]), []);
    assert.deepEqual(await journal.read('service', 0, 10), []);
  });
});

test('events are read after a place, oldest first, and no more than asked for', async () => {
  await inScene(async ({ journal }) => {
    const events = await journal.append([1, 2, 3, 4, 5].map((index) => said('run_1', `word ${index}`)));
    assert.deepEqual(await journal.read('run_1', 1, 3), events.slice(1, 4));
    assert.deepEqual(await journal.read('run_1', 5, 3), []);
    assert.deepEqual(await journal.read('run_2', 0, 3), []);
  });
});

test('appends made at once keep the order of their calls in each chain', async () => {
  await inScene(async (scene) => {
    const calls = Array.from({ length: 200 }, (_, index) =>
      scene.journal.append([said(`run_${index % 7}`, `${index}`)]),
    );
    const appended = (await Promise.all(calls)).flat();
    const next = new Map<string, number>();
    for (const { chain, seq } of appended) {
      assert.equal(seq, (next.get(chain) ?? 0) + 1);
      next.set(chain, seq);
    }
    await assertWhole(scene);
  });
});

test('appends made at once share their commits', async () => {
  const places: string[] = [];
  await inScene(
    async ({ journal }) => {
      await Promise.all(Array.from({ length: 300 }, (_, index) => journal.append([said('run_1', `${index}`)])));
    },
    (place) => places.push(place),
  );
  const commits = places.filter((place) => place === 'before:store.commit').length;
  assert.ok(commits <= 3, `${commits} commits for 300 appends`);
  assert.equal(places.filter((place) => place === 'after:journal.append').length, 300);
});

test('listeners hear of each event once, in the order of its chain, and never before it is durable', async () => {
  const places: string[] = [];
  await inScene(
    async ({ journal }) => {
      const heard: RunEvent[] = [];
      const stop = journal.subscribe((events) => {
        for (const { seq } of events) places.push(`heard ${seq}`);
        heard.push(...events);
      });
      const appended = await Promise.all(
        Array.from({ length: 60 }, (_, index) => journal.append([said(`run_${index % 3}`, `${index}`)])),
      );
      assert.deepEqual(heard, appended.flat());
      const firstHeard = places.findIndex((place) => place.startsWith('heard'));
      assert.ok(places.slice(0, firstHeard).includes('after:store.head'));
      stop();
      await journal.append([said('run_1', 'unheard')]);
      assert.equal(heard.length, 60);
    },
    (place) => places.push(place),
  );
});

test('a listener is told before the append that it hears of resolves', async () => {
  await inScene(async ({ journal }) => {
    const order: string[] = [];
    journal.subscribe(() => order.push('heard'));
    await journal.append([said('run_1', 'hello')]);
    order.push('resolved');
    assert.deepEqual(order, ['heard', 'resolved']);
  });
});

test('a listener that throws is removed, and neither the append nor another listener suffers', async () => {
  await inScene(async ({ journal }) => {
    let broken = 0;
    let sound = 0;
    journal.subscribe(() => {
      broken += 1;
      throw new Error('on purpose');
    });
    journal.subscribe(() => (sound += 1));
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve));
    await journal.append([said('run_1', 'one')]);
    await journal.append([said('run_1', 'two')]);
    assert.deepEqual({ broken, sound }, { broken: 1, sound: 2 });
    assert.match((await warned).message, /listener of the journal failed/);
  });
});

test('a seal cannot be appended by hand', async () => {
  await inScene(async ({ journal }) => {
    const body = { type: 'run_sealed', run: 'run_1', count: 0, hash: sha256('x') } as const;
    await assert.rejects(journal.append([{ chain: 'service', body }]), rejectsWith('internal', /by sealRun only/));
  });
});

test('a content that is named must be given or stored, and one that is given must be named', async () => {
  await inScene(async (scene) => {
    const { journal } = scene;
    const { contents: _, ...unfounded } = said('run_1', 'hello');
    await assert.rejects(
      journal.append([unfounded]),
      rejectsWith('internal', /message_received of run_1.*neither given/),
    );
    await assert.rejects(
      journal.append([{ ...unfounded, contents: ['hello!'] }]),
      rejectsWith('internal', /no event names the content/),
    );
    await journal.append([said('run_1', 'hello')]);
    const [event] = await journal.append([unfounded]);
    assert.equal(event?.seq, 2);
    await assertWhole(scene);
  });
});

test('an append that fails among others fails alone, and those behind it in its chain are linked without it', async () => {
  await inScene(async (scene) => {
    const { journal } = scene;
    const { contents: _, ...unfounded } = said('run_1', 'nobody gave this');
    const results = await Promise.allSettled([
      journal.append([said('run_1', 'one')]),
      journal.append([unfounded]),
      journal.append([said('run_1', 'two')]),
      journal.append([said('run_2', 'beside')]),
    ]);
    assert.deepEqual(
      results.map((result) =>
        result.status === 'fulfilled' ? result.value.map(({ chain, seq }) => [chain, seq]) : 'no',
      ),
      [[['run_1', 1]], 'no', [['run_1', 2]], [['run_2', 1]]],
    );
    await journal.append([said('run_1', 'three')]);
    await assertWhole(scene);
  });
});

test('an append whose head cannot be put in place rejects although it is stored, and the next one is linked behind it', async () => {
  await inScene(async (scene) => {
    const { journal, headFile } = scene;
    await journal.append([said('run_1', 'one')]);
    await rm(headFile);
    await mkdir(join(headFile, 'in the way'), { recursive: true });
    const both = [journal.append([said('run_1', 'two')]), journal.append([opened('run_2')])];
    for (const result of await Promise.allSettled(both))
      assert.equal(result.status === 'rejected' && (result.reason as CaissonError).code, 'data_dir_unusable');
    assert.equal((await journal.read('run_1', 0, 10)).length, 2);
    await rm(headFile, { recursive: true });
    const [three] = await journal.append([said('run_1', 'three')]);
    assert.equal(three?.seq, 3);
    await assertWhole(scene);
  });
});

test('a content with anything in it comes back as it was', async () => {
  await inScene(async ({ journal }) => {
    for (const text of ['', '\0 and \uFEFF', 'é ✓ 🛠', '"quotes" and \\ and \r\n']) {
      await journal.append([said('run_1', text)]);
      assert.equal(await journal.content(sha256(text)), text);
    }
    assert.equal(await journal.content(sha256('never stored')), undefined);
  });
});

test('a content over the limit is kept as head and tail with a mark, and the journal is whole', async () => {
  await inScene(async (scene) => {
    const text = `HEAD${'é'.repeat(LIMITS.contentBytes / 2)}TAIL`;
    await scene.journal.append([said('run_1', text)]);
    const kept = (await scene.journal.content(sha256(text))) ?? '';
    assert.ok(Buffer.byteLength(kept) <= LIMITS.contentBytes + 100);
    assert.match(kept, /^HEADé+\n\[… \d+ bytes were not stored …\]\né+TAIL$/);
    await assertWhole(scene);
  });
});

test('a content at the limit is kept whole', async () => {
  await inScene(async ({ journal }) => {
    const text = 'x'.repeat(LIMITS.contentBytes);
    await journal.append([said('run_1', text)]);
    assert.equal(await journal.content(sha256(text)), text);
  });
});

test('a pruned content is gone, counted, and comes back when it is given anew; the chain never minds', async () => {
  await inScene(async (scene) => {
    const { journal, store, headFile, key } = scene;
    await journal.append([said('run_1', 'secret')]);
    assert.equal(await journal.prune(sha256('secret')), true);
    assert.equal(await journal.prune(sha256('secret')), false);
    assert.equal(await journal.content(sha256('secret')), undefined);
    const verdict = await verifyJournal({ store, headFile, key });
    assert.deepEqual(verdict, { events: 1, chains: 1, ...whole, prunedContents: 1 });
    await journal.append([said('run_1', 'secret')]);
    assert.equal(await journal.content(sha256('secret')), 'secret');
    await assertWhole(scene);
  });
});

test('a run is sealed at its end as it is when its turn comes, and only anew when it has grown', async () => {
  await inScene(async (scene) => {
    const { journal } = scene;
    const first = journal.append([said('run_1', 'one')]);
    const sealed = journal.sealRun('run_1');
    const [one] = await first;
    await sealed;
    await journal.sealRun('run_1');
    const [two] = await journal.append([said('run_1', 'two')]);
    await journal.sealRun('run_1');
    const seals = await journal.read('service', 0, 10);
    assert.deepEqual(
      seals.map(({ body }) => body),
      [
        { type: 'run_sealed', run: 'run_1', count: 1, hash: one?.hash },
        { type: 'run_sealed', run: 'run_1', count: 2, hash: two?.hash },
      ],
    );
    await assertWhole(scene);
  });
});

test('a run without events cannot be sealed', async () => {
  await inScene(async ({ journal }) => {
    await assert.rejects(journal.sealRun('run_1'), rejectsWith('internal', /run_1 has no events to seal/));
  });
});

test('a journal that is opened again goes on where it was, in open and in sealed chains', async () => {
  await inDirectory(async (directory) => {
    const first = await openScene(directory);
    await first.journal.append([said('run_1', 'one'), said('run_2', 'one')]);
    await first.journal.sealRun('run_1');
    await first.close();
    const second = await openScene(directory);
    assert.equal(second.journal.recovered, 0);
    const events = await second.journal.append([said('run_1', 'two'), said('run_2', 'two'), opened('run_3')]);
    assert.deepEqual(
      events.map(({ chain, seq }) => [chain, seq]),
      [
        ['run_1', 2],
        ['run_2', 2],
        ['service', 2],
      ],
    );
    await second.close();
    const { integrity, completeness } = await verifyDirectory(directory);
    assert.deepEqual({ integrity, completeness }, whole);
  });
});

test('an append after the store is closed rejects, and so do those that wait', async () => {
  await inDirectory(async (directory) => {
    const { journal, store } = await openScene(directory);
    await store.close();
    const results = await Promise.allSettled([journal.append([opened('a')]), journal.append([opened('b')])]);
    assert.deepEqual(
      results.map((result) => (result.status === 'rejected' ? (result.reason as CaissonError).code : 'stored')),
      ['internal', 'internal'],
    );
  });
});

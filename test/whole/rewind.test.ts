// Owns the proof that a run can go on from an earlier step: its files, its conversation, as a new run. Real parts; scripted replies.
import assert from 'node:assert/strict';
import { readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { collectOnce } from '../../src/collecting.ts';
import type { ChatRequest, Message } from '../../src/contracts/messages.ts';
import type { ModelEvent } from '../../src/contracts/model-events.ts';
import type { Backend } from '../../src/contracts/ports.ts';
import type { RunEvent } from '../../src/contracts/run-events.ts';
import { gitIn, leftoversOf, makeRepo, NOTHING_LEFT, OWNER, type TestHouse, testHouse, verdictOf } from './house.ts';

/** Longer than a snapshot of these few files takes. */
const THINKING_MS = 400;

/** What it says to a conversation with so many answers in it; what it was asked is noted. */
function thinking(replies: readonly string[], asked: ChatRequest[], ms = THINKING_MS): Backend {
  return {
    name: 'thinking',
    recorded: false,
    models: async () => [{ id: 'thinking', backend: 'thinking' }],
    stream: async function* stream(request): AsyncGenerator<ModelEvent> {
      asked.push(request);
      const step = request.messages.filter(({ role }) => role === 'assistant').length;
      await delay(ms);
      const command = replies[step] ?? 'finish';
      const call =
        command === 'finish'
          ? { name: 'finish', arguments: JSON.stringify({ summary: 'Done.', checked: 'it' }) }
          : { name: 'bash', arguments: JSON.stringify({ command }) };
      yield { type: 'tool_call', index: 0, id: `call_${asked.length}`, ...call, complete: true };
      yield { type: 'finish', reason: 'tool_calls' };
    },
  };
}

const FILES = { 'answer.txt': '41\n', 'other.txt': 'same\n' };
const STEPS = ['echo one > answer.txt', 'cat answer.txt; rm other.txt; echo two > new.txt', 'echo three > answer.txt'];

async function worked(t: TestContext, replies = STEPS, ms = THINKING_MS) {
  const asked: ChatRequest[] = [];
  const house = await testHouse(t, { backends: [thinking(replies, asked, ms)] });
  const record = await house.work(await makeRepo(t, FILES));
  assert.equal(record.end?.end, 'done');
  return { house, record, asked };
}

const ofType = (events: readonly RunEvent[], type: string) =>
  events.flatMap(({ body }) => (body.type === type ? [body] : []));

async function assertSound(house: TestHouse): Promise<void> {
  assert.deepEqual(await leftoversOf(house.config), NOTHING_LEFT);
  const { integrity, completeness } = await verdictOf(house.config.dataDir);
  assert.deepEqual({ integrity, completeness }, { integrity: { ok: true }, completeness: { state: 'complete' } });
}

test('each step that may have changed files has its snapshot, taken while the model thinks, and steps can be compared', async (t) => {
  const { house, record } = await worked(t);
  const taken = ofType(await house.events(record.id), 'snapshot_taken');
  assert.deepEqual(
    taken.map((body) => body.type === 'snapshot_taken' && [body.step, body.changed]),
    [
      [1, 1],
      [2, 2],
      [3, 1],
    ],
  );
  assert.deepEqual(
    (await house.runs.snapshots(record.id)).map(({ step }) => step),
    [1, 2, 3, 4],
  );
  const patch = await house.runs.patch(record.id);
  assert.equal(await house.runs.diffSteps(record.id, { from: 0, to: undefined }), patch?.text);
  assert.equal(
    await house.runs.diffSteps(record.id, { from: 2, to: 3 }),
    `diff --git a/answer.txt b/answer.txt
index 5626abf0f72e58d7a153368ba57db4c673c0e171..2bdf67abb163a4ffb2d7f3f0880c9fe5068ce782 100644
--- a/answer.txt
+++ b/answer.txt
@@ -1 +1 @@
-one
+three
`,
  );
  assert.equal(await house.runs.diffSteps(record.id, { from: 3, to: 3 }), '');
  await assertSound(house);
});

test('a rewound run has the files and the conversation of the step, hears a person, and makes its patch on the same base', async (t) => {
  const { house, record, asked } = await worked(t);
  const before = await house.events(record.id);
  const first = asked.length;
  const { id } = await house.runs.rewind(record.id, { step: 1, message: 'Keep other.txt.' }, OWNER);
  const again = await house.runs.ended(id);
  assert.deepEqual(
    { end: again.end, origin: again.origin, steps: again.totals.steps },
    {
      end: { end: 'done', verified: false },
      origin: record.origin,
      steps: 4,
    },
  );
  const next = asked[first]?.messages ?? [];
  assert.deepEqual(next.slice(0, -1), asked[1]?.messages, 'the conversation as it was asked after step 1');
  assert.deepEqual(next.at(-1), {
    role: 'user',
    content: 'A person who oversees this run says:\nKeep other.txt.',
  } satisfies Message);
  // Step 2 printed what step 1 had left in the file.
  assert.match(JSON.stringify(asked[first + 1]?.messages.at(-1)), /one/);
  assert.equal((await house.runs.patch(id))?.hash, (await house.runs.patch(record.id))?.hash);
  assert.deepEqual(await house.events(record.id), before, 'the old run stays as it is');
  const [rewound] = ofType(await house.events(id), 'run_rewound');
  assert.equal(rewound?.type === 'run_rewound' && rewound.from, record.id);
  assert.equal(ofType(await house.events(id), 'run_resumed').length, 0);
  await assertSound(house);
});

test('a rewound run can be rewound again, and its steps before the first are not its own', async (t) => {
  const { house, record } = await worked(t);
  const second = await house.runs.ended((await house.runs.rewind(record.id, { step: 2 }, OWNER)).id);
  const third = await house.runs.ended((await house.runs.rewind(second.id, { step: 3 }, OWNER)).id);
  assert.equal((await house.runs.patch(third.id))?.hash, (await house.runs.patch(record.id))?.hash);
  await assert.rejects(house.runs.rewind(second.id, { step: 1 }, OWNER), { code: 'not_found' });
});

test('a model that answers before the snapshot is done waits for nothing, and such a step says that it has none', async (t) => {
  const many = 'mkdir -p d; for i in $(seq 3000); do echo $i > d/$i; done';
  const { house, record } = await worked(t, [many, 'echo 1 > answer.txt', 'echo 2 > answer.txt'], 0);
  const steps = (await house.runs.snapshots(record.id)).map(({ step }) => step);
  assert.ok(!steps.includes(1) && steps.includes(4), `snapshots at ${steps.join(', ')}`);
  await assert.rejects(house.runs.rewind(record.id, { step: 1 }, OWNER), { code: 'snapshot_missing' });
});

test('what cannot be rewound is said: a step that is not there, step 0, files that were collected or damaged', async (t) => {
  const { house, record } = await worked(t);
  const kept = join(house.places.keptRoot, record.id);
  await assert.rejects(house.runs.rewind(record.id, { step: 9 }, OWNER), {
    code: 'not_found',
    message: 'the run has the steps 0 to 4, and no step 9',
  });
  await assert.rejects(house.runs.rewind(record.id, { step: 0 }, OWNER), { code: 'invalid_input' });
  const [snapshot] = await house.runs.snapshots(record.id);
  const tree = snapshot?.tree ?? '';
  const blob = (await gitIn(kept, `--git-dir=${kept}`, 'rev-parse', `${tree}:answer.txt`)).trim();
  const object = join(kept, 'objects', blob.slice(0, 2), blob.slice(2));
  await rm(object);
  await writeFile(object, 'nonsense');
  await assert.rejects(house.runs.rewind(record.id, { step: 1 }, OWNER), { code: 'snapshot_missing' });
  await rm(kept, { recursive: true });
  await assert.rejects(house.runs.rewind(record.id, { step: 1 }, OWNER), { code: 'snapshot_missing' });
  assert.deepEqual(await readdir(house.places.keptRoot), [], 'no half bundle is left');
});

test('a held run can be gone back to when its time is over; one that was let go cannot, and the journal says so', async (t) => {
  const { house, record } = await worked(t);
  const kept = join(house.places.keptRoot, record.id);
  const makeOld = () => utimes(kept, 1, 1);
  await house.runs.hold(record.id, true, 'a person');
  await makeOld();
  await collectOnce(house);
  await house.runs.ended((await house.runs.rewind(record.id, { step: 3 }, OWNER)).id);
  await house.runs.hold(record.id, false, 'a person');
  await makeOld();
  await collectOnce(house);
  await assert.rejects(house.runs.rewind(record.id, { step: 3 }, OWNER), { code: 'snapshot_missing' });
  const held = ofType(await house.events(record.id), 'run_held').map((body) => body.type === 'run_held' && body.held);
  assert.deepEqual(held, [true, false]);
  assert.deepEqual(ofType(await house.events('service'), 'collected'), [
    { type: 'collected', byAge: [record.id], byDisk: [], leftOver: 0 },
  ]);
  await assertSound(house);
});

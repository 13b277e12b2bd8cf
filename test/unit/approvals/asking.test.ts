// Questions are asked once, shown as they were asked, listed, and over when their time is over.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../../../src/base/hash.ts';
import { isId } from '../../../src/base/ids.ts';
import type { QuestionState } from '../../../src/contracts/decisions.ts';
import type { NewQuestion } from '../../../src/contracts/ports.ts';
import {
  DECISION,
  EFFECT,
  granted,
  HOUR,
  inScene,
  newQuestion,
  no,
  NOW,
  patience,
  type Scene,
  SHOWN,
  START,
  tamper,
  yes,
} from './scene.ts';

test('a question is kept with everything that was asked, and with the hash of what was shown', async () => {
  await inScene(async ({ approvals }) => {
    const question = await approvals.open(newQuestion());
    assert.ok(isId('q', question.id));
    const expected = {
      id: question.id,
      run: 'run_1',
      step: 3,
      effect: EFFECT,
      decision: DECISION,
      summary: 'make it',
      shown: sha256(SHOWN),
      askedAt: START,
      expiresAt: START + HOUR,
      state: 'waiting',
    };
    assert.deepEqual(question, expected);
    assert.deepEqual(await approvals.get(question.id), expected);
    assert.deepEqual(await approvals.list({}), [expected]);
    assert.equal(await approvals.shownText(question.id), SHOWN);
  });
});

test('there is nothing to get, to show, to wait for or to answer under an id that was never asked', async () => {
  await inScene(async ({ approvals }) => {
    const gone = { code: 'not_found', message: 'there is no question q_none' };
    assert.equal(await approvals.get('q_none'), undefined);
    assert.equal(await approvals.shownText('q_none'), undefined);
    await assert.rejects(approvals.wait('q_none', patience()), gone);
    const answer = { verdict: 'approve', by: 'alice', shown: sha256(''), note: '' } as const;
    await assert.rejects(approvals.answer('q_none', answer), gone);
  });
});

test('the same question asked again while it waits or was approved is the same one', async () => {
  await inScene(async ({ approvals, clock }) => {
    const first = await approvals.open(newQuestion());
    clock.now += 1000;
    const again = await approvals.open(newQuestion({ step: 9, summary: 'other words' }));
    assert.deepEqual(again, first);
    await approvals.answer(first.id, yes(first));
    assert.equal((await approvals.open(newQuestion())).id, first.id);
    assert.equal((await approvals.list({})).length, 1);
  });
});

test('twenty who ask the same at once share one question', async () => {
  await inScene(async ({ approvals }) => {
    const questions = await Promise.all(Array.from({ length: 20 }, () => approvals.open(newQuestion())));
    assert.equal(new Set(questions.map(({ id }) => id)).size, 1);
    assert.equal((await approvals.list({})).length, 1);
  });
});

test('another run, effect, text or policy makes another question', async () => {
  await inScene(async ({ approvals }) => {
    const changes: readonly Partial<NewQuestion>[] = [
      {},
      { run: 'run_2' },
      { effect: { type: 'secret', name: 'TOKEN' } },
      { shown: `${SHOWN}.` },
      { decision: { ...DECISION, policy: sha256('another policy') } },
    ];
    const questions = [];
    for (const change of changes) questions.push(await approvals.open(newQuestion(change)));
    assert.equal(new Set(questions.map(({ id }) => id)).size, 5);
  });
});

test('a question that is over in any way is asked anew', async () => {
  const ends: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
    denied: async ({ approvals }) => {
      const question = await approvals.open(newQuestion());
      await approvals.answer(question.id, no(question));
    },
    used: async (scene) => scene.approvals.use(await granted(scene), NOW),
    revoked: async ({ approvals }) => {
      await approvals.open(newQuestion());
      await approvals.revokeAll({ by: 'halt' });
    },
    expired: async ({ approvals, clock }) => {
      await approvals.open(newQuestion());
      clock.now += HOUR;
    },
  };
  for (const [state, end] of Object.entries(ends))
    await inScene(async (scene) => {
      await end(scene);
      const fresh = await scene.approvals.open(newQuestion());
      const states = (await scene.approvals.list({})).map((record) => [record.id === fresh.id, record.state]);
      assert.deepEqual(states, [
        [false, state],
        [true, 'waiting'],
      ]);
    });
});

test('lists are in the order of asking, and filtered by run and by what the state is now', async () => {
  await inScene(async ({ approvals, clock }) => {
    const ask = (run: string, shown: string) => approvals.open(newQuestion({ run, shown }));
    const [old, first] = [await ask('run_1', 'old'), await ask('run_2', 'first')];
    clock.now += HOUR - 10;
    await approvals.answer(first.id, no(first));
    const rest = [];
    for (const name of ['a', 'b', 'c', 'd']) rest.push(await ask('run_1', name));
    clock.now += 10;
    const ids = async (filter: { state?: QuestionState; run?: string }) =>
      (await approvals.list(filter)).map(({ id }) => id);
    const waiting = rest.map(({ id }) => id);
    assert.deepEqual(await ids({}), [old.id, first.id, ...waiting]);
    assert.deepEqual(await ids({ state: 'waiting' }), waiting);
    assert.deepEqual(await ids({ state: 'expired' }), [old.id]);
    assert.deepEqual(await ids({ state: 'denied', run: 'run_2' }), [first.id]);
    assert.deepEqual(await ids({ state: 'denied', run: 'run_1' }), []);
    assert.deepEqual(await ids({ run: 'run_1' }), [old.id, ...waiting]);
  });
});

test('a question whose time is over is expired for everyone, though no timer ran', async () => {
  await inScene(async ({ approvals, clock }) => {
    const question = await approvals.open(newQuestion());
    clock.now += HOUR - 1;
    assert.equal((await approvals.get(question.id))?.state, 'waiting');
    clock.now += 1;
    const over = {
      ...question,
      state: 'expired',
      answeredBy: 'time',
      answeredAt: START + HOUR,
      note: 'nobody answered in time',
    };
    assert.deepEqual(await approvals.get(question.id), over);
    assert.deepEqual(await approvals.wait(question.id, patience()), {
      state: 'expired',
      by: 'time',
      note: 'nobody answered in time',
    });
    await assert.rejects(approvals.answer(question.id, yes(question)), { code: 'approval_gone' });
    assert.equal(await approvals.revokeAll({ by: 'halt' }), 0);
    clock.now += HOUR;
    assert.deepEqual(await approvals.get(question.id), over);
  });
});

test('once an expiry is written down, a clock that is set back revives nothing', async () => {
  await inScene(async ({ approvals, clock }) => {
    const question = await approvals.open(newQuestion());
    clock.now += HOUR;
    await approvals.revokeAll({ run: 'run_9', by: 'anyone' });
    clock.now = START;
    assert.equal((await approvals.get(question.id))?.state, 'expired');
    await assert.rejects(approvals.answer(question.id, yes(question)), { code: 'approval_gone' });
  });
});

test('a row that another program changed is refused, not trusted', async () => {
  const changes = [
    `UPDATE questions SET decision = '{"verdict":"yes"}'`,
    `UPDATE questions SET decision = 'no JSON'`,
    `UPDATE questions SET effect = '{"type":"launch"}'`,
  ];
  for (const change of changes)
    await inScene(async (scene) => {
      const { id } = await scene.approvals.open(newQuestion());
      tamper(scene, change);
      await assert.rejects(scene.approvals.get(id), {
        code: 'data_dir_unusable',
        message: new RegExp(`of question ${id} in the database is not what Caisson writes`),
      });
    });
});

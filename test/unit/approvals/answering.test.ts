// Answers: bound to what was seen, given once, and heard by everyone who waits, also after a restart.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createApprovals } from '../../../src/approvals/approvals.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { CaissonError } from '../../../src/base/errors.ts';
import { noFaults } from '../../../src/base/faults.ts';
import { sha256 } from '../../../src/base/hash.ts';
import { openStore } from '../../../src/store/open.ts';
import { inDirectory } from '../store/scene.ts';
import {
  EFFECT,
  grantIn,
  HOUR,
  inScene,
  newQuestion,
  no,
  NOW,
  patience,
  POLICY,
  SHOWN,
  START,
  waitingFor,
  yes,
} from './scene.ts';

const code = (error: unknown) => (error instanceof CaissonError ? error.code : String(error));

test('a yes gives who waits a grant for this effect, once, until the question ends', async () => {
  await inScene(async ({ approvals, clock }) => {
    const question = await approvals.open(newQuestion());
    const waiting = await waitingFor(approvals, question.id);
    clock.now += 5000;
    const record = await approvals.answer(question.id, yes(question));
    assert.deepEqual(record, {
      ...question,
      state: 'approved',
      answeredBy: 'alice',
      answeredAt: START + 5000,
      note: 'looked at it',
    });
    assert.deepEqual(await waiting.answer, {
      state: 'approved',
      grant: {
        id: `grant_${question.id}`,
        question: question.id,
        run: 'run_1',
        effect: EFFECT,
        shown: sha256(SHOWN),
        policy: POLICY,
        uses: 1,
        expiresAt: START + HOUR,
      },
    });
  });
});

test('a no tells who waits who said it and why', async () => {
  await inScene(async ({ approvals }) => {
    const question = await approvals.open(newQuestion());
    const waiting = await waitingFor(approvals, question.id);
    await approvals.answer(question.id, no(question));
    const answer = { state: 'denied', by: 'bob', note: 'not today' };
    assert.deepEqual(await waiting.answer, answer);
    assert.deepEqual(await approvals.wait(question.id, patience()), answer);
  });
});

test('a revocation ends the wait', async () => {
  await inScene(async ({ approvals }) => {
    const { id } = await approvals.open(newQuestion());
    const waiting = await waitingFor(approvals, id);
    assert.equal(await approvals.revokeAll({ by: 'halt (root)' }), 1);
    assert.deepEqual(await waiting.answer, { state: 'revoked', by: 'halt (root)', note: 'revoked' });
  });
});

test('everyone who waits for one question hears its answer, and nobody hears that of another', async () => {
  await inScene(async ({ approvals }) => {
    const [one, other] = [await approvals.open(newQuestion()), await approvals.open(newQuestion({ run: 'run_2' }))];
    const stop = new AbortController();
    const waiting = await Promise.all([1, 2, 3].map(() => waitingFor(approvals, one.id)));
    const alone = await waitingFor(approvals, other.id, stop.signal);
    await approvals.answer(one.id, no(one));
    assert.deepEqual(
      new Set((await Promise.all(waiting.map(({ answer }) => answer))).map(({ state }) => state)),
      new Set(['denied']),
    );
    assert.equal((await approvals.get(other.id))?.state, 'waiting');
    stop.abort();
    assert.equal((await alone.answer).state, 'expired');
  });
});

test('an answer to something else than is asked is refused, and the question still waits', async () => {
  await inScene(async ({ approvals }) => {
    const question = await approvals.open(newQuestion());
    for (const answer of [yes(question), no(question)])
      await assert.rejects(approvals.answer(question.id, { ...answer, shown: sha256('what I saw') }), {
        code: 'approval_changed',
        message: `the answer to ${question.id} is for something else than what is asked now`,
      });
    assert.equal((await approvals.get(question.id))?.state, 'waiting');
    assert.equal((await approvals.answer(question.id, yes(question))).state, 'approved');
  });
});

test('a question that an earlier policy asked may be denied but not approved', async () => {
  await inScene(async ({ approvals, policy }) => {
    const question = await approvals.open(newQuestion());
    policy.hash = sha256('a stricter policy');
    await assert.rejects(approvals.answer(question.id, yes(question)), {
      code: 'approval_changed',
      message: `question ${question.id} was asked under a policy that does not hold any more`,
    });
    assert.equal((await approvals.answer(question.id, no(question))).state, 'denied');
  });
});

test('a second answer finds the question gone, whatever the first one was', async () => {
  await inScene(async ({ approvals }) => {
    const question = await approvals.open(newQuestion());
    await approvals.answer(question.id, no(question));
    await assert.rejects(approvals.answer(question.id, yes(question)), {
      code: 'approval_gone',
      message: `question ${question.id} is denied (bob)`,
    });
    await approvals.revokeAll({ by: 'halt' });
    assert.equal((await approvals.get(question.id))?.state, 'denied');
  });
});

test('of twenty answers given at once one counts, and the others are told that it is gone', async () => {
  await inScene(async ({ approvals }) => {
    const question = await approvals.open(newQuestion());
    const answers = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0 ? yes(question, `person ${index}`) : no(question, `person ${index}`),
    );
    const results = await Promise.allSettled(answers.map((answer) => approvals.answer(question.id, answer)));
    const winners = results.flatMap((result, index) => (result.status === 'fulfilled' ? [index] : []));
    const refusals = results.flatMap((result) => (result.status === 'rejected' ? [code(result.reason)] : []));
    assert.equal(winners.length, 1);
    assert.deepEqual([refusals.length, new Set(refusals)], [19, new Set(['approval_gone'])]);
    const record = await approvals.get(question.id);
    const winner = winners[0] ?? 0;
    assert.deepEqual(
      [record?.answeredBy, record?.state],
      [`person ${winner}`, winner % 2 === 0 ? 'approved' : 'denied'],
    );
  });
});

test('an ask that nobody answers ends by itself as a no', async () => {
  await inScene(async ({ store }) => {
    const approvals = createApprovals({ store, clock: systemClock, policyHash: () => POLICY, approvalMs: 30 });
    const question = await approvals.open(newQuestion());
    // The timer of a wait keeps no process alive; this one does.
    const alive = setInterval(() => {}, 1000);
    try {
      const answer = await approvals.wait(question.id, patience());
      assert.deepEqual(answer, { state: 'expired', by: 'time', note: 'nobody answered in time' });
    } finally {
      clearInterval(alive);
    }
  });
});

test('a wait that is aborted is a no that leaves the question as it was', async () => {
  await inScene(async ({ approvals }) => {
    const question = await approvals.open(newQuestion());
    const stop = new AbortController();
    const waiting = await waitingFor(approvals, question.id, stop.signal);
    stop.abort();
    const unanswered = { state: 'expired', by: 'the end of the wait', note: 'nobody answered' };
    assert.deepEqual(await waiting.answer, unanswered);
    assert.deepEqual(await approvals.wait(question.id, AbortSignal.abort()), unanswered);
    assert.equal((await approvals.get(question.id))?.state, 'waiting');
    await approvals.answer(question.id, yes(question));
    assert.equal((await approvals.wait(question.id, AbortSignal.abort())).state, 'approved');
  });
});

test('closing ends all waits, present and to come, and changes no question', async () => {
  await inScene(async ({ approvals }) => {
    const question = await approvals.open(newQuestion());
    const waiting = await waitingFor(approvals, question.id);
    approvals.close();
    const unanswered = { state: 'expired', by: 'the end of the wait', note: 'nobody answered' };
    assert.deepEqual(await waiting.answer, unanswered);
    assert.deepEqual(await approvals.wait(question.id, patience()), unanswered);
    assert.equal((await approvals.get(question.id))?.state, 'waiting');
  });
});

test('a question survives the death of the process that asked it, and so does its answer', async () => {
  await inDirectory(async (directory) => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('./asker-child.ts', import.meta.url)), directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const id = String(line).trim();

    const reopen = async <Value>(work: (approvals: ReturnType<typeof createApprovals>) => Promise<Value>) => {
      const store = await openStore({ dataDir: directory, faults: noFaults });
      const approvals = createApprovals({ store, clock: systemClock, policyHash: () => POLICY });
      try {
        return await work(approvals);
      } finally {
        approvals.close();
        await store.close();
      }
    };
    await reopen(async (approvals) => {
      const question = await approvals.open(newQuestion());
      assert.equal(question.id, id);
      const waiting = await waitingFor(approvals, id);
      await approvals.answer(id, yes(question));
      assert.equal((await waiting.answer).state, 'approved');
    });
    const use = await reopen(async (approvals) => approvals.use(grantIn(await approvals.wait(id, patience())), NOW));
    assert.equal(use, 'used');
    assert.equal((await reopen((approvals) => approvals.get(id)))?.state, 'used');
  });
});

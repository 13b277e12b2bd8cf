// Grants: used once, for what was shown, under the policy that asked, in time, unless revoked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../../../src/base/hash.ts';
import type { GrantUse } from '../../../src/contracts/decisions.ts';
import { EFFECT, granted, HOUR, inScene, newQuestion, no, NOW, patience, POLICY } from './scene.ts';

test('a grant is used once; then it is spent, and who waits again gets no second one', async () => {
  await inScene(async (scene) => {
    const { approvals } = scene;
    const grant = await granted(scene);
    assert.deepEqual([await approvals.use(grant, NOW), await approvals.use(grant, NOW)], ['used', 'spent']);
    assert.equal((await approvals.get(grant.question))?.state, 'used');
    assert.deepEqual(await approvals.wait(grant.question, patience()), {
      state: 'expired',
      by: 'an earlier use',
      note: 'the grant was used already',
    });
  });
});

test('of fifty uses at once exactly one gets it', async () => {
  await inScene(async (scene) => {
    const grant = await granted(scene);
    const uses = await Promise.all(Array.from({ length: 50 }, () => scene.approvals.use(grant, NOW)));
    const count = (wanted: GrantUse) => uses.filter((use) => use === wanted).length;
    assert.deepEqual({ used: count('used'), spent: count('spent') }, { used: 1, spent: 49 });
  });
});

test('a grant is for what was shown: any other effect, text or policy is a change, and leaves it unused', async () => {
  await inScene(async (scene) => {
    const { approvals, policy } = scene;
    const grant = await granted(scene);
    const changes = [
      { ...NOW, effect: { ...EFFECT, ref: 'refs/heads/main' } as typeof EFFECT },
      { ...NOW, effect: { ...EFFECT, patch: sha256('another patch') } as typeof EFFECT },
      { ...NOW, shown: sha256('another text') },
      { ...NOW, policy: sha256('another policy') },
    ];
    for (const change of changes) assert.equal(await approvals.use(grant, change), 'changed');
    policy.hash = sha256('a policy that came later');
    assert.equal(await approvals.use(grant, NOW), 'changed');
    assert.equal(await approvals.use(grant, { ...NOW, policy: policy.hash }), 'changed');
    policy.hash = POLICY;
    assert.equal(await approvals.use(grant, NOW), 'used');
  });
});

test('the order of the keys of an effect is no change', async () => {
  await inScene(async (scene) => {
    const grant = await granted(scene);
    const effect = Object.fromEntries(Object.entries(EFFECT).toReversed()) as typeof EFFECT;
    assert.equal(await scene.approvals.use(grant, { ...NOW, effect }), 'used');
  });
});

test('a grant ends with the time that its question had', async () => {
  await inScene(async (scene) => {
    const [early, late] = [await granted(scene), await granted(scene, { run: 'run_2' })];
    scene.clock.now += HOUR - 1;
    assert.equal(await scene.approvals.use(early, NOW), 'used');
    scene.clock.now += 1;
    assert.equal(await scene.approvals.use(late, NOW), 'expired');
    assert.equal((await scene.approvals.get(late.question))?.state, 'expired');
  });
});

test('what its holder writes into a grant gives nothing', async () => {
  await inScene(async (scene) => {
    const { approvals, clock } = scene;
    const grant = await granted(scene);
    const effect = { ...EFFECT, ref: 'refs/heads/main' } as typeof EFFECT;
    const forged = { ...grant, uses: 99, expiresAt: grant.expiresAt * 2, effect, shown: sha256('x'), policy: 'p' };
    assert.equal(await approvals.use(forged, { effect, shown: sha256('x'), policy: 'p' }), 'changed');
    clock.now += HOUR;
    assert.equal(await approvals.use(forged, NOW), 'expired');
    assert.equal(await approvals.use({ ...grant, question: 'q_none' }, NOW), 'revoked');
  });
});

test('a question that was denied, or that still waits, is no grant', async () => {
  await inScene(async (scene) => {
    const { approvals } = scene;
    const grant = await granted(scene);
    const [waiting, denied] = [
      await approvals.open(newQuestion({ run: 'run_2' })),
      await approvals.open(newQuestion({ run: 'run_3' })),
    ];
    await approvals.answer(denied.id, no(denied));
    for (const { id } of [waiting, denied])
      assert.equal(await approvals.use({ ...grant, question: id }, NOW), 'revoked');
    assert.equal((await approvals.get(waiting.id))?.state, 'waiting');
  });
});

test('revoking takes what waits and what was not used, of one run or of all, and tells how many', async () => {
  await inScene(async (scene) => {
    const { approvals } = scene;
    const spent = await granted(scene, { run: 'run_1', shown: 'spent' });
    await approvals.use(spent, { ...NOW, shown: sha256('spent') });
    const unused = await granted(scene, { run: 'run_1', shown: 'unused' });
    await approvals.open(newQuestion({ run: 'run_1', shown: 'waiting' }));
    const denied = await approvals.open(newQuestion({ run: 'run_1', shown: 'denied' }));
    await approvals.answer(denied.id, no(denied));
    const other = await granted(scene, { run: 'run_2' });

    assert.equal(await approvals.revokeAll({ run: 'run_1', by: 'the end of the run' }), 2);
    const states = (await approvals.list({})).map(({ state, answeredBy }) => [state, answeredBy]);
    assert.deepEqual(states, [
      ['used', 'alice'],
      ['revoked', 'the end of the run'],
      ['revoked', 'the end of the run'],
      ['denied', 'bob'],
      ['approved', 'alice'],
    ]);
    assert.equal(await approvals.use(unused, { ...NOW, shown: sha256('unused') }), 'revoked');
    assert.equal(await approvals.revokeAll({ by: 'halt' }), 1);
    assert.equal(await approvals.use(other, NOW), 'revoked');
    assert.equal(await approvals.revokeAll({ by: 'halt' }), 0);
  });
});

test('a use and a revocation at the same time never both succeed', async () => {
  await inScene(async (scene) => {
    const seen = new Set<string>();
    for (let round = 0; round < 20; round += 1) {
      const grant = await granted(scene, { run: `run_${round}` });
      const use = () => scene.approvals.use(grant, NOW);
      const revoke = () => scene.approvals.revokeAll({ run: `run_${round}`, by: 'halt' });
      const [used, revoked] =
        round % 2 === 0 ? await Promise.all([use(), revoke()]) : (await Promise.all([revoke(), use()])).toReversed();
      seen.add(`${used} ${revoked}`);
    }
    assert.deepEqual(seen, new Set(['used 0', 'revoked 1']));
  });
});

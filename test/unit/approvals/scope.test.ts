// Grants for the network of a run: how far a yes goes, and how it is taken back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GrantScope } from '../../../src/contracts/decisions.ts';
import type { Effect } from '../../../src/contracts/effects.ts';
import { grantIn, inScene, newQuestion, no, NOW, patience, type Scene, yes } from './scene.ts';

const NETWORK: Effect = { type: 'egress', host: 'a.org', port: 443, scheme: 'https', method: 'GET', path: '/x' };

async function grantedNetwork({ approvals }: Scene, scope?: GrantScope) {
  const question = await approvals.open(newQuestion({ effect: NETWORK }));
  await approvals.answer(question.id, { ...yes(question), ...(scope === undefined ? {} : { scope }) });
  return grantIn(await approvals.wait(question.id, patience()));
}

test('a yes to the network is for the run, or for so many requests, or for a time; it stays known after its use', async () => {
  for (const scope of [undefined, { uses: 3 }, { ms: 600_000 }, { uses: 3, ms: 600_000 }])
    await inScene(async (scene) => {
      const grant = await grantedNetwork(scene, scope);
      assert.deepEqual(grant.scope, scope ?? {});
      assert.equal(await scene.approvals.use(grant, { ...NOW, effect: NETWORK }), 'used');
      const { state, scope: kept } = (await scene.approvals.get(grant.question)) ?? {};
      assert.deepEqual({ state, kept }, { state: 'used', kept: scope ?? {} });
    });
});

test('a yes to anything else has no scope, and one that names it is refused; so is a no', async () => {
  await inScene(async ({ approvals }) => {
    const publish = await approvals.open(newQuestion());
    const network = await approvals.open(newQuestion({ effect: NETWORK }));
    const refused = { code: 'invalid_input' };
    await assert.rejects(approvals.answer(publish.id, { ...yes(publish), scope: { uses: 2 } }), refused);
    await assert.rejects(approvals.answer(network.id, { ...no(network), scope: { uses: 2 } }), refused);
    const answered = await approvals.answer(publish.id, yes(publish));
    assert.equal('scope' in answered, false);
  });
});

test('what was approved for the network is taken back also after its use; anything else only before', async () => {
  await inScene(async (scene) => {
    const { approvals } = scene;
    const grant = await grantedNetwork(scene);
    await approvals.use(grant, { ...NOW, effect: NETWORK });
    const back = { verdict: 'revoke', by: 'carol', shown: '', note: '' } as const;
    const { state, answeredBy } = await approvals.answer(grant.question, back);
    assert.deepEqual({ state, answeredBy }, { state: 'revoked', answeredBy: 'carol' });
    await assert.rejects(approvals.answer(grant.question, back), { code: 'approval_gone' });
    const publish = await approvals.open(newQuestion());
    await assert.rejects(approvals.answer(publish.id, back), { code: 'approval_gone' });
    await approvals.answer(publish.id, yes(publish));
    assert.equal((await approvals.answer(publish.id, back)).state, 'revoked');
  });
});

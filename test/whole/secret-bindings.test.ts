// Secrets from the configuration to the network of a run, by the word of a real policy.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { LoadedConfig } from '../../src/config/load.ts';
import { createDecide } from '../../src/policy/decide.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { loadBindings } from '../../src/secret-bindings.ts';
import { configOf } from './house.ts';

const KEY = Buffer.alloc(32, 7);
const VALUE = 'npm_abcdefghij0123456789';

const policy = (verdict: string) =>
  createDecide(
    loadPolicy(
      JSON.stringify({
        version: 1,
        rules: [
          {
            id: 'tokens',
            effect: 'secret',
            match: { name: 'NPM_TOKEN' },
            verdict,
            reason: 'For a test.',
            advice: 'Use it.',
            examples: { match: ['NPM_TOKEN'] },
          },
        ],
      }),
      'test.yaml',
    ),
  );

test('a secret goes to a run whose policy allows its name, bound as the configuration says', async (context) => {
  const bindings = await loadBindings(await secretConfig(context), KEY);
  const { bound, decided } = bindings?.bind('run_1', policy('allow')) ?? { bound: [], decided: [] };
  assert.deepEqual(
    bound.map((one) => ({ ...one, placeholder: '' })),
    [
      {
        placeholder: '',
        name: 'NPM_TOKEN',
        value: VALUE,
        header: 'authorization',
        match: { hosts: ['registry.example.com'], schemes: ['https'], methods: ['GET'], paths: ['/**'] },
      },
    ],
  );
  assert.match(bound[0]?.placeholder ?? '', /^npm_[a-z0-9]{20}$/);
  assert.deepEqual(
    decided.map(({ name, decision: { verdict, rule } }) => [name, verdict, rule]),
    [['NPM_TOKEN', 'allow', 'tokens']],
  );
});

test('where the policy denies it, asks, or says nothing, the run has no secret', async (context) => {
  const bindings = await loadBindings(await secretConfig(context), KEY);
  const names = (verdict: string) => bindings?.bind('run_1', policy(verdict)).bound.map(({ name }) => name);
  assert.deepEqual([names('deny'), names('ask')], [[], []]);
});

test('a configuration without secrets binds nothing, and one whose secret is missing says so', async (context) => {
  assert.equal(await loadBindings({ secrets: {} }, KEY), undefined);
  const config = await secretConfig(context);
  await rm(join(config.dataDir, 'token'));
  await assert.rejects(loadBindings(config, KEY), { code: 'secret_unresolved' });
});

async function secretConfig(context: TestContext): Promise<LoadedConfig> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-bindings-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'token'), `${VALUE}\n`);
  const secret = {
    value: { file: join(folder, 'token') },
    host: 'registry.example.com',
    header: 'Authorization',
    method: 'GET',
    path: '/**',
  };
  return configOf(folder, { secrets: { NPM_TOKEN: secret } });
}

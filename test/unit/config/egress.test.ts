// Owns tests of the configuration of the network of sandboxes, and of the profile that a run gets. Knows no proxy.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CaissonError } from '../../../src/base/errors.ts';
import { loadConfig, type LoadedConfig } from '../../../src/config/load.ts';
import type { RunRecord } from '../../../src/contracts/runs.ts';
import { openNetworks } from '../../../src/network.ts';
import { loadPolicyOf } from '../../../src/policy-file.ts';

const KEY = new Uint8Array(32);
const RUN = { id: 'run_1' } as RunRecord;
const RULE = `  - { id: index, effect: egress, match: { host: index.corp, method: GET }, verdict: VERDICT, reason: r, advice: a,
      examples: { match: ["https://index.corp/x"] } }
`;

async function configWith(context: TestContext, text: string, policy?: string): Promise<LoadedConfig> {
  const directory = await mkdtemp(join(tmpdir(), 'caisson-egress-'));
  context.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'config.yaml');
  const policyFile = join(directory, 'policy.yaml');
  if (policy !== undefined) await writeFile(policyFile, `version: 1\nrules:\n${policy}`);
  await writeFile(file, text.replaceAll('DIR', directory) + (policy === undefined ? '' : `\npolicy: ${policyFile}\n`));
  const none = join(directory, 'none');
  const sources = { flags: [], env: {}, home: directory, cwd: directory, isRoot: false, systemFile: none };
  return loadConfig({ ...sources, userFile: file });
}

test('everything about the network of sandboxes is read, with its defaults', async (context) => {
  assert.deepEqual((await configWith(context, 'model: m')).egress, { airGapped: false, siteRanges: [], names: {} });
  const { egress } = await configWith(
    context,
    `egress:
  air_gapped: true
  site_ranges: [10.2.0.0/16, "fd00::/8"]
  names: { index.corp: 10.2.0.7, two.corp: [10.2.0.8, "fd00::8"] }
  upstream: { url: "http://proxy.corp:3128", direct: ["*.corp"] }
  ca: DIR/ca.pem`,
  );
  assert.deepEqual(
    { ...egress, ca: egress.ca?.endsWith('/ca.pem') },
    {
      airGapped: true,
      siteRanges: ['10.2.0.0/16', 'fd00::/8'],
      names: { 'index.corp': ['10.2.0.7'], 'two.corp': ['10.2.0.8', 'fd00::8'] },
      upstream: { url: 'http://proxy.corp:3128', direct: ['*.corp'] },
      ca: true,
    },
  );
});

test('a mistake in it is refused at its field', async (context) => {
  const cases = [
    ['site_ranges: [10.2.0.0]', 'egress.site_ranges[0]'],
    ['names: { Index.corp: 10.2.0.7 }', 'egress.names.Index.corp'],
    ['names: { index.corp: ten }', 'egress.names.index.corp'],
    ['air_gapped: true', 'egress.air_gapped'],
    ['upstream: { url: "ftp://proxy.corp" }', 'egress.upstream.url'],
    ['air_gap: true', 'egress.air_gap'],
  ] as const;
  for (const [line, field] of cases)
    await assert.rejects(configWith(context, `egress:\n  ${line}`), (error) => {
      assert.ok(error instanceof CaissonError);
      assert.deepEqual([line, error.code, error.place?.field, error.place?.line], [line, 'config_invalid', field, 2]);
      return true;
    });
});

test('a run has a network only where a rule allows or asks; the shipped policy opens none', async (context) => {
  const networkBy = async (policy?: string) => {
    const config = await configWith(context, 'model: m', policy);
    return openNetworks(config, loadPolicyOf(config), KEY);
  };
  assert.equal(await networkBy(), undefined);
  assert.equal(await networkBy(RULE.replace('VERDICT', 'deny')), undefined);
  for (const verdict of ['ask', 'allow'])
    assert.equal(typeof (await networkBy(RULE.replace('VERDICT', verdict))), 'function', verdict);
});

test('its profile holds the rules, the site’s words and the floor: the service and its engines', async (context) => {
  const config = await configWith(
    context,
    `server: { port: 8484 }
backends:
  - { name: a, type: openai, url: "http://10.9.0.1:8000/v1" }
  - { name: b, type: openai, url: "https://engine.corp/v1" }
  - { name: c, type: triton, address: "grpc://10.9.0.2:8001" }
egress: { site_ranges: [10.2.0.0/16], air_gapped: true, names: { index.corp: 10.2.0.7 } }`,
    RULE.replace('VERDICT', 'allow'),
  );
  const network = await openNetworks(config, loadPolicyOf(config), KEY);
  assert.deepEqual(network?.(RUN), {
    rules: [{ id: 'index', verdict: 'allow', reason: 'r', advice: 'a', hosts: ['index.corp'], methods: ['GET'] }],
    grants: [],
    airGapped: true,
    siteRanges: ['10.2.0.0/16'],
    names: { 'index.corp': ['10.2.0.7'] },
    floor: [
      { host: '127.0.0.1', port: 8484 },
      { host: '10.9.0.1', port: 8000 },
      { host: 'engine.corp', port: 443 },
      { host: '10.9.0.2', port: 8001 },
    ],
    secrets: [],
  });
});

test('authorities that cannot be read, or are none, are a mistake of the configuration', async (context) => {
  const open = async (file: string) => {
    const config = await configWith(context, `egress: { ca: ${file} }`, RULE.replace('VERDICT', 'allow'));
    return openNetworks(config, loadPolicyOf(config), KEY);
  };
  await assert.rejects(open('DIR/missing.pem'), { code: 'config_unreadable' });
  await assert.rejects(open('DIR/config.yaml'), { code: 'config_invalid' });
});

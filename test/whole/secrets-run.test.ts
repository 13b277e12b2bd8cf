// A whole run that uses a secret: house, policy, sandbox, proxy and origin are real; only the model's replies are scripted.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { jsonLogger } from '../../src/base/logger.ts';
import { createTextMask } from '../../src/secrets/mask-text.ts';
import { HOST } from '../egress/scene.ts';
import { openTlsOrigin } from '../egress/tls-scene.ts';
import { bash, finish, makeRepo, scriptOf, type TestHouse, testHouse } from './house.ts';

const VALUE = 'ghp_a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ';
const USE = (port: number) => `curl -sS -H "Authorization: Bearer $SITE_TOKEN" https://${HOST}:${port}/v1/me; env`;

test('a run that its policy gives a secret uses it, the journal says so, and nothing that is kept holds the value', async (context) => {
  const { house, port, seen, lines } = await openWorld(context, 'allow');
  const record = await house.work(await makeRepo(context, { 'a.txt': 'a\n' }));
  assert.match(seen(), new RegExp(`authorization: Bearer ${VALUE}\\r\\n`));
  const events = await house.events(record.id);
  const used = events.flatMap(({ body }) => (body.type === 'egress_allowed' ? [body] : []));
  assert.deepEqual(
    used.map(({ host, port: at, method, path, secrets }) => ({ host, at, method, path, secrets })),
    [{ host: HOST, at: port, method: 'GET', path: '/v1/me', secrets: ['SITE_TOKEN'] }],
  );
  const hashes = new Set(JSON.stringify(events).match(/sha256:[0-9a-f]{64}/g) ?? []);
  const contents = await Promise.all([...hashes].map((hash) => house.journal.content(hash)));
  const kept = [JSON.stringify(events), ...contents, ...lines].join('\n');
  assert.match(kept, /you sent/, 'the answer of the origin is among what is kept');
  assert.equal(createTextMask([{ name: 'T', value: VALUE }])?.(kept), kept);
});

test('a run whose policy denies the secret has no variable for it, and the origin gets none', async (context) => {
  const { house, seen } = await openWorld(context, 'deny');
  await house.work(await makeRepo(context, { 'a.txt': 'a\n' }));
  assert.match(seen(), /^GET \/v1\/me HTTP\/1\.1\r\n/);
  assert.doesNotMatch(seen(), /ghp_/);
});

interface World {
  readonly house: TestHouse;
  readonly port: number;
  readonly seen: () => string;
  readonly lines: readonly string[];
}

async function openWorld(context: TestContext, verdict: 'allow' | 'deny'): Promise<World> {
  const origin = await openTlsOrigin(context, (socket, text) => {
    const body = `you sent ${text} ${Buffer.from(text).toString('base64')}`;
    socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  });
  const folder = await mkdtemp(join(tmpdir(), 'caisson-secrets-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  const secret = { value: { file: await file('token', VALUE) }, host: HOST, header: 'authorization', path: '/v1/**' };
  const lines: string[] = [];
  const house = await testHouse(context, {
    script: scriptOf([bash(USE(origin.port)), finish('')]),
    settings: {
      policy: await file('policy.yaml', policyOf(verdict, origin.port)),
      egress: { names: { [HOST]: '127.0.0.1' }, ca: await file('ca.pem', origin.authority) },
      secrets: { SITE_TOKEN: secret },
    },
    logger: jsonLogger(
      (line) => lines.push(line),
      () => 0,
    ),
  });
  return { house, port: origin.port, seen: origin.seen, lines };
}

function policyOf(verdict: string, port: number): string {
  const words = { reason: 'For a test.', advice: 'Use it.' };
  const site = {
    id: 'site',
    effect: 'egress',
    match: { host: HOST, port, method: 'GET', path_prefix: '/v1' },
    addresses: ['127.0.0.1/32'],
    verdict: 'allow',
    ...words,
    examples: { match: [`GET https://${HOST}:${port}/v1/me`] },
  };
  const token = {
    id: 'token',
    effect: 'secret',
    match: { name: 'SITE_TOKEN' },
    verdict,
    ...words,
    examples: { match: ['SITE_TOKEN'] },
  };
  return JSON.stringify({ version: 1, rules: [site, token] });
}

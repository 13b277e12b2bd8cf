// Owns the proof of the whole way out of a sandbox: a program in it, its socket, the real proxy, and an origin on this machine.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import type { EgressProfile } from '../../src/contracts/egress.ts';
import { proxies } from '../../src/egress-proxy.ts';
import { openNetwork } from '../../src/sandbox/network/network.ts';
import { makeCertificate, makeFolder } from '../gateway/certificates.ts';
import { type OpenBox, testSandbox } from './setup.ts';

/** What Node says of a certificate that nobody it trusts has signed. */
const UNTRUSTED = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';

/** An origin that says what it was asked, and with which authorization. */
async function origin(t: TestContext): Promise<number> {
  const server = createServer((request, response) => {
    response.end(`${request.method} ${request.url} ${request.headers.authorization ?? 'nothing'}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function profileFor(port: number): EgressProfile {
  const allowed = { hosts: ['registry.test'], ports: [port], methods: ['GET'], pathPrefixes: ['/packages'] };
  return {
    rules: [
      {
        id: 'packages',
        verdict: 'allow',
        reason: 'packages are needed',
        advice: '',
        ...allowed,
        schemes: ['http'],
        addresses: ['127.0.0.0/8'],
      },
      {
        id: 'asks',
        verdict: 'ask',
        reason: 'a person decides',
        advice: '',
        hosts: ['asked.test'],
        ports: [port],
        schemes: ['http'],
        addresses: ['127.0.0.0/8'],
      },
    ],
    grants: [],
    airGapped: false,
    siteRanges: [],
    floor: [],
    names: { 'registry.test': ['127.0.0.1'], 'asked.test': ['127.0.0.1'] },
    secrets: [
      {
        name: 'REGISTRY_TOKEN',
        placeholder: 'tok_00000000000000000000',
        value: 'tok_LIVELIVELIVELIVELIVE',
        header: 'authorization',
        match: { hosts: ['registry.test'] },
      },
    ],
  };
}

/**
 * With our own Node, which reads the variables once it is told to. `more`: of the options of a request. Its `fetch` would ask for a tunnel
 * even for plain HTTP, and through a tunnel of the proxy only TLS goes.
 */
const get = (url: string, more = '') =>
  `$HOME/../.caisson/bin/node -e "require('${url.split(':')[0]}').get('${url}', { ${more} }, (answer) => {
    let text = ''; answer.on('data', (part) => (text += part));
    answer.on('end', () => console.log(text.trim() + ' ' + answer.statusCode)); }).on('error', (e) => console.log(e.code))"`;

async function opener(t: TestContext) {
  const proxy = proxies({ clock: systemClock, logger: silentLogger });
  const world = await testSandbox(t, { networking: async () => ({ openNetwork }), proxy });
  return { world, open: (name: string, profile: EgressProfile) => world.open(name, undefined, {}, profile) };
}

async function networked(
  t: TestContext,
): Promise<{ readonly box: OpenBox; readonly port: number; readonly permit: () => Promise<void> }> {
  const port = await origin(t);
  const { world, open } = await opener(t);
  const box = await open('joined', profileFor(port));
  const grant = { id: 'granted', match: { hosts: ['asked.test'], ports: [port] }, uses: 1 };
  return { box, port, permit: () => world.executor.permit('joined', grant) };
}

describe('a program in a sandbox with a network', () => {
  it('reaches what its rules allow, and the command tells of it', async (t) => {
    const { box, port } = await networked(t);
    const done = await box.run(get(`http://registry.test:${port}/packages/a?b=c`));
    assert.equal(done.output.head, 'GET /packages/a?b=c nothing 200\n');
    assert.deepEqual(
      done.egress?.map(({ outcome, rule, host, method, path }) => ({ outcome, rule, host, method, path })),
      [{ outcome: 'allowed', rule: 'packages', host: 'registry.test', method: 'GET', path: '/packages/a' }],
    );
  });

  it('is told in a sentence why it does not reach anything else', async (t) => {
    const { box, port } = await networked(t);
    for (const url of [
      `http://registry.test:${port}/other`,
      `http://example.com/`,
      `http://127.0.0.1:${port}/packages`,
    ]) {
      // Loopback is not asked of the proxy unless one says so, and there is nobody on it.
      const done = await box.run(`NO_PROXY= no_proxy= ${get(url)}`);
      assert.match(done.output.head, / 403\n$/, url);
      assert.equal(done.egress?.length, 1, url);
      const [record] = done.egress ?? [];
      assert.equal(record?.outcome, 'denied');
      assert.ok(done.output.head.includes(record?.said ?? 'nothing was said'), done.output.head);
    }
    assert.equal(await box.text(get(`http://127.0.0.1:${port}/packages`)), 'ECONNREFUSED\n');
  });

  it('reaches what a person grants meanwhile, as often as it was granted', async (t) => {
    const { box, port, permit } = await networked(t);
    const ask = get(`http://asked.test:${port}/x`);
    assert.match(await box.text(ask), / 403\n$/);
    await permit();
    assert.equal(await box.text(ask), 'GET /x nothing 200\n');
    assert.match(await box.text(ask), /403\n$/);
  });

  it('trusts the authority of its own sandbox, and no other sandbox does', async (t) => {
    const folder = await makeFolder(t);
    const files = await makeCertificate(folder, 'origin');
    const certificate = readFileSync(files.cert, 'utf8');
    const server = createTlsServer({ cert: certificate, key: readFileSync(files.key) }, (request, response) => {
      response.end(`secret ${request.url}\n`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { world, open } = await opener(t);
    const rule = { id: 'tls', verdict: 'allow', reason: '', advice: '', addresses: ['127.0.0.1'] } as const;
    const profile: EgressProfile = {
      ...profileFor(port),
      rules: [{ ...rule, hosts: ['localhost'], ports: [port], schemes: ['https'], pathPrefixes: ['/seen'] }],
      names: { localhost: ['127.0.0.1'] },
      authorities: certificate,
      secrets: [],
    };
    const [one, two] = [await open('one', profile), await open('two', profile)];
    const ask = (path: string) => `NO_PROXY= no_proxy= ${get(`https://localhost:${port}${path}`)}`;
    const done = await one.run(ask('/seen/x'));
    assert.equal(done.output.head, 'secret /seen/x 200\n');
    assert.deepEqual(
      done.egress?.map(({ scheme, path }) => [scheme, path]),
      [['https', '/seen/x']],
      'the path was seen',
    );
    assert.match(await one.text(ask('/other')), / 403\n$/);
    const own = readFileSync(join(one.box, '.caisson', 'authorities.pem'), 'utf8');
    writeFileSync(join(two.box, 'home', 'others.pem'), own, { mode: 0o644 });
    assert.equal(
      await two.text(`NODE_EXTRA_CA_CERTS=${world.inside.home}/others.pem ${ask('/seen/x')}`),
      `${UNTRUSTED}\n`,
    );
    assert.equal(await two.text(ask('/seen/x')), 'secret /seen/x 200\n');
  });

  it('uses a secret that it never sees', async (t) => {
    const { box, port } = await networked(t);
    const header = "headers: { authorization: 'Bearer $REGISTRY_TOKEN' }";
    const done = await box.run(get(`http://registry.test:${port}/packages/a`, header));
    assert.deepEqual(
      done.egress?.map(({ secrets }) => secrets),
      [['REGISTRY_TOKEN']],
      'it was put in',
    );
    assert.equal(
      done.output.head,
      'GET /packages/a Bearer tok_00000000000000000000 200\n',
      'and taken out of the echo',
    );
    const all = await box.text(
      'env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr "\\0" "\\n"; grep -rs "LIVE[L]IVE" ~ ~/.. /tmp /dev/shm /etc',
    );
    assert.ok(all.includes('REGISTRY_TOKEN=tok_0000'), 'positive control: the placeholder is there to be found');
    assert.doesNotMatch(all, /LIVELIVE/);
  });
});

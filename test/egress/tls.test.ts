// TLS that ends at the proxy, as a whole: what a program can do in a tunnel that was judged, each attack with its positive control.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openNaiveProxy } from './naive-proxy.ts';
import { HOST, LOOPBACK } from './scene.ts';
import { EXPIRED, openTlsScene, openTunnel, OTHER } from './tls-scene.ts';

const ONLY_OPEN = { ...LOOPBACK, pathPrefixes: ['/open'] };
const get = (path: string, more = '', host = HOST) => `GET ${path} HTTP/1.1\r\nHost: ${host}:PORT\r\n${more}\r\n`;
describe('TLS in the proxy', { concurrency: 8 }, () => {
  it('a request in a tunnel goes to the origin by a rule on its path, over TLS that is verified', async (context) => {
    const scene = await openTlsScene(context, { rules: [ONLY_OPEN] });
    assert.match(await scene.ask(get('/open/a?b=1')), /^HTTP\/1\.1 200 OK\r\n[^]*hello$/);
    assert.match(scene.seen(), new RegExp(`^GET /open/a\\?b=1 HTTP/1.1\\r\\nhost: ${HOST}`));
    assert.deepEqual(
      scene.records().map(({ outcome, method, path, scheme, rule }) => ({ outcome, method, path, scheme, rule })),
      [{ outcome: 'allowed', method: 'GET', path: '/open/a', scheme: 'https', rule: 'rule-1' }],
    );
  });

  it('attack: another path in the same tunnel, where a proxy that passes TLS sees nothing', async (context) => {
    const scene = await openTlsScene(context, { rules: [ONLY_OPEN] });
    assert.match(await scene.askDirectly(get('/secret')), /hello$/, 'the origin answers whoever asks');
    const got = await scene.ask([get('/open'), get('/secret')]);
    assert.match(got, /200 OK[^]*hello[^]*403 Forbidden[^]*\/secret is allowed by no rule/);
    assert.equal((scene.seen().match(/GET \/secret/g) ?? []).length, 1, 'only the one that was sent directly');
  });

  it('attack: two requests at once in one tunnel are judged one by one', async (context) => {
    const scene = await openTlsScene(context, { rules: [ONLY_OPEN] });
    const got = await scene.ask(get('/open') + get('/secret'));
    assert.match(got, /200 OK[^]*403 Forbidden/);
    assert.doesNotMatch(scene.seen(), /secret/);
  });

  it('attack: the name of another host in the ClientHello of a judged tunnel', async (context) => {
    const scene = await openTlsScene(context);
    const naive = await openNaiveProxy({ allows: (host) => host === HOST, addressOf: () => '127.0.0.1' });
    context.after(() => naive.close());
    assert.ok(await openTunnel(naive.port, `${HOST}:${scene.origin}`).then((tunnel) => tunnel.destroy()));
    const got = await scene.ask(get('/'), { servername: OTHER });
    assert.match(got, /^\[/);
    assert.equal(scene.seen(), '');
    assert.match(
      scene
        .records()
        .map(({ said }) => said)
        .join('\n'),
      /other\.test/,
    );
  });

  it('attack: no name, and an encrypted tunnel inside of the tunnel', async (context) => {
    const scene = await openTlsScene(context);
    assert.match(await scene.ask(get('/'), { servername: '' }), /^\[/);
    const nested = `CONNECT ${OTHER}:${scene.origin} HTTP/1.1\r\nHost: ${OTHER}\r\n\r\n`;
    assert.match(await scene.ask(nested), /^HTTP\/1\.1 4\d\d /);
    assert.equal(scene.seen(), '');
  });

  const FRONTS: readonly (readonly [name: string, text: string])[] = [
    ['another Host', get('/', '', OTHER)],
    ['another port in Host', `GET / HTTP/1.1\r\nHost: ${HOST}:1\r\n\r\n`],
    ['an absolute address of another host', `GET https://${OTHER}:PORT/ HTTP/1.1\r\nHost: ${HOST}:PORT\r\n\r\n`],
    ['an absolute address without TLS', `GET http://${HOST}:PORT/ HTTP/1.1\r\nHost: ${HOST}:PORT\r\n\r\n`],
    ['two Hosts', get('/', `Host: ${OTHER}:PORT\r\n`)],
  ];

  for (const [name, text] of FRONTS)
    it(`attack: ${name} behind a server name that was judged`, async (context) => {
      const scene = await openTlsScene(context);
      assert.match(await scene.askDirectly(text), /hello$/, 'a shared origin takes any Host');
      const before = scene.seen().length;
      await scene.ask(text);
      assert.doesNotMatch(scene.seen().slice(before), /other\.test|host: [^\r]*:1\r|http:\/\//i);
    });

  it('attack: a git push through a tunnel, its discovery included, whatever the rule; a fetch passes', async (context) => {
    const scene = await openTlsScene(context);
    const push = [
      get('/a.git/info/refs?service=git-receive-pack'),
      `POST /a.git/git-receive-pack HTTP/1.1\r\nHost: ${HOST}:PORT\r\nContent-Length: 4\r\n\r\n0000`,
    ];
    for (const text of push)
      assert.match(await scene.askDirectly(text), /hello$/, 'without the proxy it reaches the origin');
    const before = scene.seen().length;
    for (const text of push) assert.match(await scene.ask(text), /^HTTP\/1\.1 403 Forbidden[^]*never by a git push/);
    assert.match(await scene.ask(get('/a.git/info/refs?service=git-upload-pack')), /^HTTP\/1\.1 200 OK/);
    assert.doesNotMatch(scene.seen().slice(before), /receive-pack/);
  });

  const BAD_ORIGINS = {
    'for another name': { certified: OTHER },
    'that has expired': { validity: EXPIRED },
    'of an authority that nobody trusts': { isTrusted: false },
  };
  const WORDS = { 'for another name': 'is for another name', 'that has expired': 'has expired' };

  for (const [name, wishes] of Object.entries(BAD_ORIGINS))
    it(`attack: an origin in the middle with a certificate ${name}`, async (context) => {
      const scene = await openTlsScene(context, wishes);
      assert.match(await scene.askDirectly(get('/')), /hello$/, 'a program that verifies nothing is taken in');
      const before = scene.seen().length;
      const got = await scene.ask(get('/', 'Authorization: Bearer of-the-program\r\n'));
      const words = WORDS[name as keyof typeof WORDS] ?? 'is signed by an authority that is not trusted here';
      assert.match(got, new RegExp(`^HTTP/1\\.1 502 Bad Gateway[^]*the certificate of ${HOST} ${words}`));
      assert.equal(scene.seen().length, before);
    });

  it('a program that does not trust the authority of its sandbox is told in the records', async (context) => {
    const scene = await openTlsScene(context);
    assert.match(await scene.ask(get('/'), { ca: scene.site }), /^\[/);
    let [record] = scene.records();
    for (let tries = 0; record === undefined && tries < 100; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      [record] = scene.records();
    }
    assert.equal(record?.outcome, 'failed');
    assert.match(record?.said ?? '', /TLS handshake|does not trust the authority of its sandbox/);
  });
});

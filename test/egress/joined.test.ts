// Shows the proxy as a sandbox has it: rules of a policy, real TLS on both sides, grants that come later, what is remembered of it.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, it, type TestContext } from 'node:test';
import { CaissonError } from '../../src/base/errors.ts';
import type { EgressProfile, EgressRule, SandboxProxy } from '../../src/contracts/egress.ts';
import { HOST, listen, profileOf, talk } from './scene.ts';
import { openTlsOrigin, openTunnel, openWholeProxy } from './tls-scene.ts';

const RULES: readonly Partial<EgressRule>[] = [
  { id: 'reading', hosts: [HOST], methods: ['GET'], paths: ['/open/**'], addresses: ['127.0.0.0/8'] },
  {
    id: 'writing',
    hosts: [HOST],
    methods: ['POST'],
    verdict: 'ask',
    reason: 'It changes something.',
    addresses: ['127.0.0.0/8'],
  },
  {
    id: 'never',
    hosts: [HOST],
    pathPrefixes: ['/open/inner'],
    verdict: 'deny',
    reason: 'It is of others.',
    advice: 'Use /open.',
  },
];
const OF = { run: 'run-1', sandbox: 'sandbox-1' };

async function opened(
  context: TestContext,
): Promise<{ proxy: SandboxProxy; port: number; at: string; seen: () => string }> {
  const origin = await openTlsOrigin(context, (socket) =>
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nloot'),
  );
  const profile = profileOf({ rules: RULES, profile: { authorities: origin.authority } });
  const proxy = await openWholeProxy(profile, OF);
  const server = createServer();
  const port = await listen(server);
  proxy.serve(server);
  context.after(() => proxy.close());
  return { proxy, port, at: `${HOST}:${origin.port}`, seen: origin.seen };
}

/** Statuses and sentences of requests on one tunnel. */
async function statuses(port: number, at: string, authority: string, requests: readonly string[]): Promise<string[]> {
  const tunnel = await openTunnel(port, at);
  const tls = connectTls({ socket: tunnel, servername: HOST, ca: authority });
  const got: string[] = [];
  for (const request of requests) {
    tls.write(`${request} HTTP/1.1\r\nHost: ${at}\r\nContent-Length: 0\r\n\r\n`);
    const text = await new Promise<string>((resolve) => tls.once('data', (bytes: Buffer) => resolve(bytes.toString())));
    got.push(`${text.slice(9, 12)} ${text.slice(text.indexOf('\r\n\r\n') + 4).trim()}`);
  }
  tls.destroy();
  return got;
}

describe('The proxy of a sandbox', () => {
  it('judges each request of a tunnel by the policy, and says what would open it', async (context) => {
    const { proxy, port, at, seen } = await opened(context);
    const got = await statuses(port, at, proxy.authority, [
      'GET /open/a',
      'GET /open/../closed',
      'GET /open/%69nner/b',
      'POST /open/a',
      'GET /open/b',
    ]);
    const url = `https://${at}`;
    assert.deepEqual(got, [
      '200 loot',
      `403 GET ${url}/closed is allowed by no rule; request_access with host ${HOST}, method GET and path /closed asks a person for it.`,
      `403 GET ${url}/open/inner/b is refused by the rule never: It is of others. Use /open.`,
      `403 POST ${url}/open/a needs a person’s yes by the rule writing (It changes something); ` +
        `request_access with host ${HOST}, method POST and path /open/a asks a person for it.`,
      '200 loot',
    ]);
    assert.deepEqual(seen().match(/^\w+ \S+/gm), ['GET /open/a', 'GET /open/b']);
    assert.deepEqual(
      proxy
        .take()
        .map(({ outcome, rule, scheme, method, path, ask }) => [outcome, rule, scheme, method, path, ask?.path]),
      [
        ['allowed', 'reading', 'https', 'GET', '/open/a', undefined],
        ['denied', 'default:egress', 'https', 'GET', '/closed', '/closed'],
        ['denied', 'never', 'https', 'GET', '/open/inner/b', undefined],
        ['denied', 'writing', 'https', 'POST', '/open/a', '/open/a'],
        ['allowed', 'reading', 'https', 'GET', '/open/b', undefined],
      ],
    );
  });

  it('knows a grant from the next request on, in the same tunnel and for its uses', async (context) => {
    const { proxy, port, at } = await opened(context);
    const before = await statuses(port, at, proxy.authority, ['POST /open/a']);
    proxy.permit({ id: 'grant-1', match: { hosts: [HOST], methods: ['POST'], paths: ['/open/a'] }, uses: 1 });
    const after = await statuses(port, at, proxy.authority, ['POST /open/a', 'POST /open/a', 'POST /open/b']);
    assert.deepEqual(
      [...before, ...after].map((text) => text.slice(0, 3)),
      ['403', '200', '403', '403'],
    );
    const said = proxy.take().map(({ outcome, rule, grant, path }) => [outcome, rule, grant, path]);
    assert.deepEqual(said, [
      ['denied', 'writing', undefined, '/open/a'],
      ['allowed', 'grant-1', 'grant-1', '/open/a'],
      ['denied', 'writing', undefined, '/open/a'],
      ['denied', 'writing', undefined, '/open/b'],
    ]);
  });

  it('serves the next socket too, after a restart inside, and none after it was closed', async (context) => {
    const { proxy, port, at } = await opened(context);
    const server = createServer();
    const second = await listen(server);
    proxy.serve(server);
    const got = await Promise.all(
      [port, second].map((one) => talk(one, `CONNECT other.test:443 HTTP/1.1\r\nHost: other.test:443\r\n\r\n`)),
    );
    const works = await statuses(second, at, proxy.authority, ['GET /open/a']);
    await proxy.close();
    assert.deepEqual([got.map((text) => text.slice(9, 12)), works], [['403', '403'], ['200 loot']]);
    assert.deepEqual([server.listening, await talk(second, 'GET')], [false, '']);
  });
});

describe('A profile that cannot be served', () => {
  const wrong: readonly (readonly [name: string, profile: Partial<EgressProfile>, message: RegExp, field: string])[] = [
    ['an address of a name that is none', { names: { a: ['1.2.3'] } }, /1\.2\.3 is no address/, 'egress.names.a'],
    [
      'a name that is an address',
      { names: { '1.2.3.4': ['1.2.3.4'] } },
      /1\.2\.3\.4 is no host name/,
      'egress.names.1.2.3.4',
    ],
    [
      'a floor that is no host',
      { floor: [{ host: 'a b' }] },
      /a b is neither a name nor an address/,
      'egress.floor[0].host',
    ],
    [
      'a range with bits behind its length',
      { airGapped: true, siteRanges: ['10.0.0.1/8'] },
      /no range such as/,
      'egress.site_ranges',
    ],
    [
      'an upstream that is not HTTP',
      { upstream: { url: 'socks5://a:1', direct: [] } },
      /no URL such as/,
      'egress.upstream.url',
    ],
    [
      'a rule whose range is none',
      { rules: [{ id: 'r', verdict: 'allow', reason: '', advice: '', addresses: ['10/8'] }] },
      /10\/8 is no range/,
      'rule r: addresses',
    ],
  ];
  for (const [name, profile, message, field] of wrong) {
    it(`is refused for ${name}, with its place`, async () => {
      await assert.rejects(openWholeProxy(profileOf({ profile }), OF), (error: unknown) => {
        assert.ok(error instanceof CaissonError);
        assert.match(error.message, message);
        assert.deepEqual([error.code, error.place], ['config_invalid', { field }]);
        return true;
      });
    });
  }
});

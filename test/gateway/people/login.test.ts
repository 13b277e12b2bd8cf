// People who sign in with a browser at a real identity provider: the good way whole, and everything that ends without a session.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { createPeople, type PeopleRules } from '../../../src/accounts/people/people.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { documentOf, OPERATIONS_WITH_PEOPLE } from '../../../src/gateway/openapi/document.ts';
import { type Answer, call, callJson } from '../http.ts';
import { startService } from '../service.ts';
import { startProvider } from './provider.ts';
import { newSigner } from './signers.ts';

const RSA = newSigner('RS256', 'rsa');
const HOUR = 3_600_000;
const OURS = { 'sec-fetch-site': 'same-origin' };

interface Told {
  readonly error: { readonly code: string; readonly message: string };
}

async function start(context: TestContext, changes: Partial<PeopleRules> = {}) {
  const provider = await startProvider(context, [RSA]);
  let passed = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + passed };
  const { issuer } = provider;
  const mapped = { rolesClaim: 'groups', roles: new Map([['ops', ['admin'] as const]]), teams: new Map() };
  const rules: PeopleRules = { issuer, clientId: 'caisson', algorithms: ['RS256'], ...mapped, ...changes };
  const service = await startService(context, { changes: { people: createPeople(rules, clock) } });
  const visit = (path: string, cookies: Cookies = {}, headers: Readonly<Record<string, string>> = {}) =>
    call(service, 'GET', path, { headers: { cookie: cookieHeader(cookies), ...headers } });
  const post = async (path: string, cookies: Cookies, headers: Readonly<Record<string, string>>, json: object = {}) => {
    const sent = { json, headers: { cookie: cookieHeader(cookies), ...headers } };
    const { status, body } = await callJson<Partial<Told>>(service, 'POST', path, sent);
    return [status, body.error?.code];
  };
  /** As far as the provider's answer: the path with which it sends the browser back, and the cookies until then. */
  const begin = async (to = '/console/runs') => {
    const begun = await visit(`/auth/login?to=${encodeURIComponent(to)}`);
    assert.equal(begun.status, 302, begun.text);
    const sent = await fetch(String(begun.headers.location), { redirect: 'manual' });
    const back = new URL(String(sent.headers.get('location')));
    return { begun, back, path: `${back.pathname}${back.search}`, cookies: cookiesOf(begun) };
  };
  const signIn = async () => {
    const { path, cookies } = await begin();
    const { caisson_session: secret = assert.fail('no session') } = cookiesOf(await visit(path, cookies));
    return { caisson_session: secret };
  };
  return { provider, service, visit, post, begin, signIn, wait: (ms: number) => (passed += ms) };
}

type Cookies = Readonly<Record<string, string>>;

function cookieHeader(cookies: Cookies): string {
  return Object.entries(cookies)
    .map(([name, value]) => `${name}=${value}`)
    .join('; ');
}

/** Those with a value. */
function cookiesOf({ headers }: Answer): Cookies {
  const pairs = (headers['set-cookie'] ?? []).map((line) => /^([^=]+)=([^;]*)/.exec(line)?.slice(1) ?? []);
  return Object.fromEntries(pairs.filter(([, value]) => value !== ''));
}

/** Without the values. */
function rulesOf({ headers }: Answer): readonly string[] {
  return (headers['set-cookie'] ?? []).map((line) => line.replace(/^([^=]+)=[^;]+/, '$1=…'));
}

function toldBy({ status, text, headers }: Answer): readonly unknown[] {
  const { error } = JSON.parse(text) as Told;
  assert.equal(headers['set-cookie'], undefined);
  return [status, error.code, error.message];
}

const FOREIGN = [401, 'unauthenticated', 'this sign-in was not begun in this browser, or it took too long'];
const FAILED = 'the sign-in did not succeed: ';

describe('a person who signs in', () => {
  test('is sent to the provider with fresh secrets of which the address holds none', async (context) => {
    const { provider, visit, service } = await start(context);
    const begun = await visit('/auth/login');
    const { origin, pathname, searchParams } = new URL(String(begun.headers.location));
    const { state, nonce, code_challenge: challenge, ...rest } = Object.fromEntries(searchParams);
    assert.deepEqual(
      [origin, pathname, rest],
      [
        provider.issuer,
        '/authorize',
        {
          client_id: 'caisson',
          code_challenge_method: 'S256',
          redirect_uri: `${service.url}/auth/callback`,
          response_type: 'code',
          scope: 'openid profile email',
        },
      ],
    );
    assert.deepEqual(rulesOf(begun), ['caisson_login=…; Path=/; Max-Age=600; HttpOnly; SameSite=Lax']);
    const [kept, , verifier = ''] = String(cookiesOf(begun)['caisson_login']).split('.');
    assert.equal(kept, state);
    assert.ok(!String(begun.headers.location).includes(verifier));
    const again = new URL(String((await visit('/auth/login')).headers.location)).searchParams;
    for (const [name, value] of Object.entries({ state, nonce, code_challenge: challenge }))
      assert.notEqual(again.get(name), value);
  });

  test('comes back, is led to where he wanted to go, and is who the provider says', async (context) => {
    const { begin, visit, service } = await start(context);
    const { path, cookies } = await begin('/console/runs?a=1&b="2"');
    const page = await visit(path, cookies);
    assert.deepEqual(rulesOf(page), [
      'caisson_login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax',
      'caisson_session=…; Path=/; Max-Age=28800; HttpOnly; SameSite=Strict',
    ]);
    assert.deepEqual([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8']);
    assert.match(page.text, /<meta http-equiv="refresh" content="0; url=\/console\/runs\?a=1&#38;b=%222%22">/);
    const session = cookiesOf(page);
    assert.equal((await visit('/api/v1/keys', session)).status, 200);
    assert.equal((await visit('/v1/models', session)).status, 401, 'the engines are for keys');
    assert.ok(!JSON.stringify(service.logged).includes(String(session['caisson_session'])));
    assert.ok(service.logged.some(({ message }) => message === 'a person signed in'));
  });

  test('acts under his own name, and with the roles of his claims alone', async (context) => {
    const { provider, signIn, post, visit, service } = await start(context);
    const json = { name: 'ci', roles: ['client'] };
    assert.deepEqual(await post('/api/v1/keys', await signIn(), OURS, json), [201, undefined]);
    const [event] = await service.ports.journal.read('service', 0, 10);
    assert.ok(event?.body.type === 'key_created' && event.body.by === 'ada');
    provider.signIn.claims = { sub: 'u-2', groups: ['devs'] };
    assert.equal((await visit('/api/v1/keys', await signIn())).status, 403);
  });

  test('shows the provider the secret of the client where there is one, and the verifier always', async (context) => {
    const { provider, signIn } = await start(context, { clientSecret: 's3cret' });
    await signIn();
    const [{ authorization, form } = assert.fail('it was not asked')] = provider.signIn.asked;
    assert.equal(authorization, `Basic ${Buffer.from('caisson:s3cret').toString('base64')}`);
    assert.deepEqual(Object.keys(form).toSorted(), ['code', 'code_verifier', 'grant_type', 'redirect_uri']);
  });

  test('has cookies of this host and of TLS alone where browsers find the service by TLS', async (context) => {
    const { begin, visit } = await start(context, { publicUrl: 'https://caisson.example' });
    const { begun, back, path, cookies } = await begin();
    assert.equal(back.origin, 'https://caisson.example');
    assert.deepEqual(rulesOf(begun), ['__Host-caisson_login=…; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure']);
    const page = await visit(path, cookies);
    assert.deepEqual(rulesOf(page), [
      '__Host-caisson_login=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure',
      '__Host-caisson_session=…; Path=/; Max-Age=28800; HttpOnly; SameSite=Strict; Secure',
    ]);
    const { '__Host-caisson_session': secret = '' } = cookiesOf(page);
    assert.equal((await visit('/api/v1/keys', { '__Host-caisson_session': secret })).status, 200);
    assert.equal(
      (await visit('/api/v1/keys', { caisson_session: secret })).status,
      401,
      'another host can set that one',
    );
  });
});

describe('nobody is signed in', () => {
  test('with the state of another sign-in, without the cookie, or with that of another browser', async (context) => {
    const { begin, visit } = await start(context);
    const [mine, other] = [await begin(), await begin()];
    assert.deepEqual(toldBy(await visit(mine.path.replace(/state=[^&]+/, 'state=x'), mine.cookies)), FOREIGN);
    assert.deepEqual(toldBy(await visit(mine.path)), FOREIGN);
    assert.deepEqual(toldBy(await visit(mine.path, other.cookies)), FOREIGN);
    assert.deepEqual(toldBy(await visit('/auth/callback', mine.cookies)), FOREIGN);
    assert.deepEqual(toldBy(await visit(mine.path, { caisson_login: 'a.b.c.d' })), FOREIGN);
    assert.equal((await visit(mine.path, mine.cookies)).status, 200);
  });

  test('with a code that was used, or by who has the code and not the verifier', async (context) => {
    const { begin, visit } = await start(context);
    const { path, cookies } = await begin();
    assert.equal((await visit(path, cookies)).status, 200);
    const used = [401, 'unauthenticated', `${FAILED}the identity provider says invalid_grant`];
    assert.deepEqual(toldBy(await visit(path, cookies)), used);
    const stolen = await begin();
    const parts = String(stolen.cookies['caisson_login']).split('.');
    parts[2] = 'v'.repeat(43);
    assert.deepEqual(toldBy(await visit(stolen.path, { caisson_login: parts.join('.') })), used);
  });

  test('with an ID token for another sign-in, for another client, of a stranger, or none', async (context) => {
    const { provider, begin, visit } = await start(context);
    const { claims } = provider.signIn;
    const told = async () => {
      const { path, cookies } = await begin();
      return toldBy(await visit(path, cookies));
    };
    const strange = [401, 'unauthenticated', `${FAILED}its answer does not belong to it`];
    for (const wrong of [{ nonce: 'other' }, { nonce: undefined }, { aud: 'other' }, { iss: 'http://x' }, { exp: 1 }]) {
      provider.signIn.claims = { ...claims, ...wrong };
      assert.deepEqual(await told(), strange, JSON.stringify(wrong));
    }
    provider.signIn.claims = claims;
    provider.signIn.stranger = newSigner('RS256', 'rsa');
    assert.deepEqual(await told(), [401, 'unauthenticated', 'the token is not valid: its signature is wrong']);
  });

  test('whom the provider refuses, and only a code of its words is shown', async (context) => {
    const { provider, begin, visit } = await start(context);
    const words = {
      access_denied: 'the identity provider says access_denied',
      '<b>no</b>': 'its answer does not belong to it',
    };
    for (const [refusal, reason] of Object.entries(words)) {
      provider.signIn.refusal = refusal;
      const { path, cookies } = await begin();
      assert.deepEqual(toldBy(await visit(path, cookies)), [401, 'unauthenticated', `${FAILED}${reason}`]);
    }
  });

  test('while the provider is down, and it is told as such', async (context) => {
    const { provider, begin, visit, wait } = await start(context);
    const down = async (path: string, cookies: Cookies = {}) => {
      const [status, code, message] = toldBy(await visit(path, cookies));
      assert.match(String(message), /^the identity provider .* does not answer as it should: /);
      return [status, code];
    };
    const { path, cookies } = await begin();
    provider.signIn.status = 502;
    assert.deepEqual(await down(path, cookies), [503, 'identity_unreachable']);
    provider.down = true;
    assert.deepEqual(await down(path, cookies), [503, 'identity_unreachable']);
    wait(11 * 60_000);
    assert.deepEqual(await down('/auth/login'), [503, 'identity_unreachable']);
    provider.down = false;
    provider.signIn.status = undefined;
    wait(1000);
    const again = await begin();
    assert.equal((await visit(again.path, again.cookies)).status, 200);
  });

  test('by a look at the headers alone, nor where no provider is configured', async (context) => {
    const { service } = await start(context);
    for (const path of ['/auth/login', '/auth/callback']) assert.equal((await call(service, 'HEAD', path)).status, 405);
    const plain = await startService(context);
    for (const path of ['/auth/login', '/auth/callback']) assert.equal((await call(plain, 'GET', path)).status, 404);
  });
});

test('where a person goes on is a path of this service, whoever asks and whatever the cookie says', async (context) => {
  const { begin, visit } = await start(context);
  const refused = [400, 'invalid_input', 'to: expected a path of this service, as /console/runs'];
  const places = ['//evil.example', '/\\evil.example', '/\t/evil.example', '/.//evil.example', '\\\\evil.example'];
  const others = ['https://evil.example/', 'javascript:alert(1)', 'console', '', '/auth/login', '/x/../auth/callback'];
  for (const to of [...places, ...others])
    assert.deepEqual(toldBy(await visit(`/auth/login?to=${encodeURIComponent(to)}`)), refused, to);
  for (const to of places) {
    const { path, cookies } = await begin();
    const proof = String(cookies['caisson_login']).replace(/\.[^.]*$/, '');
    const forged = { caisson_login: `${proof}.${Buffer.from(to).toString('base64url')}` };
    assert.deepEqual(toldBy(await visit(path, forged)), refused, to);
  }
});

describe('a session', () => {
  test('that nobody began, that is there twice, or that is over opens nothing', async (context) => {
    const { signIn, visit } = await start(context);
    const session = await signIn();
    const over = [401, 'unauthenticated', 'the session is over'];
    for (const secret of ['x', '', 'A'.repeat(43), `${session.caisson_session}A`, session.caisson_session.slice(1)])
      assert.deepEqual(toldBy(await visit('/api/v1/keys', { caisson_session: secret })), over, secret);
    const twice = `caisson_session=x; caisson_session=${session.caisson_session}`;
    assert.equal((await visit('/api/v1/keys', {}, { cookie: twice })).status, 401);
    assert.equal((await visit('/api/v1/keys', session)).status, 200);
  });

  test('ends an hour after its last use, and eight hours after it began', async (context) => {
    const { signIn, visit, wait } = await start(context);
    const status = async (session: Cookies) => (await visit('/api/v1/keys', session)).status;
    const idle = await signIn();
    wait(HOUR - 5000);
    assert.equal(await status(idle), 200);
    wait(HOUR);
    assert.equal(await status(idle), 401);
    const busy = await signIn();
    for (let halves = 0; halves < 15; halves += 1) {
      wait(HOUR / 2);
      assert.equal(await status(busy), 200);
    }
    wait(HOUR / 2);
    assert.equal(await status(busy), 401);
  });

  test('changes something only for our own pages, whatever another page makes the browser send', async (context) => {
    const { signIn, post, service } = await start(context);
    const session = await signIn();
    const told = (headers: Readonly<Record<string, string>>) =>
      post('/api/v1/keys', session, headers, { name: 'ci', roles: ['client'] });
    const origin = service.url;
    for (const site of ['cross-site', 'same-site', 'none', ''])
      assert.deepEqual(await told({ 'sec-fetch-site': site }), [403, 'origin_refused'], site);
    const pages = ['null', 'https://evil.example', origin.replace('http:', 'https:'), `${origin}.evil.example`];
    for (const page of pages) assert.deepEqual(await told({ ...OURS, origin: page }), [403, 'origin_refused'], page);
    for (const page of pages) assert.deepEqual(await told({ origin: page }), [403, 'origin_refused'], page);
    assert.deepEqual(await told({}), [403, 'origin_refused']);
    assert.deepEqual(await service.ports.accounts.list(), []);
    for (const good of [OURS, { origin }, { ...OURS, origin }]) assert.deepEqual(await told(good), [201, undefined]);
  });

  test('is nothing beside a key: the key counts', async (context) => {
    const { signIn, service } = await start(context);
    const cookie = cookieHeader(await signIn());
    const statusOf = async (key: string) =>
      (await call(service, 'GET', '/api/v1/keys', { key, headers: { cookie } })).status;
    assert.deepEqual([await statusOf(await service.key(['client'])), await statusOf('csn_wrong')], [403, 401]);
  });

  test('ends when the person signs out, for whoever kept it too; no other page can sign him out', async (context) => {
    const { signIn, post, visit, service } = await start(context);
    const session = await signIn();
    assert.deepEqual(await post('/auth/logout', session, { 'sec-fetch-site': 'cross-site' }), [403, 'origin_refused']);
    assert.equal((await visit('/api/v1/keys', session)).status, 200);
    const out = await call(service, 'POST', '/auth/logout', {
      json: {},
      headers: { ...OURS, cookie: cookieHeader(session) },
    });
    assert.deepEqual([out.status, out.text], [200, '{"ok":true}']);
    assert.deepEqual(rulesOf(out), ['caisson_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict']);
    assert.equal((await visit('/api/v1/keys', session)).status, 401);
    assert.deepEqual(await post('/auth/logout', {}, {}), [200, undefined], 'twice is once');
  });
});

test('the description of a service with a provider has the routes of the sign-in, and only of such a service', async (context) => {
  const { service } = await start(context);
  const described = async (of: typeof service) => JSON.parse((await call(of, 'GET', '/openapi.json')).text) as object;
  assert.deepEqual(await described(service), JSON.parse(JSON.stringify(documentOf(OPERATIONS_WITH_PEOPLE))));
  for (const { method, route: url } of OPERATIONS_WITH_PEOPLE)
    assert.ok(service.app.hasRoute({ method: method.toUpperCase(), url }), `${method} ${url} is no route`);
  const found = service.app.printRoutes({ commonPrefix: false }).match(/\b(?:GET|POST|PUT|PATCH|DELETE)\b/g) ?? [];
  assert.equal(found.length, OPERATIONS_WITH_PEOPLE.length);
  assert.ok(!JSON.stringify(await described(await startService(context))).includes('/auth/'));
});

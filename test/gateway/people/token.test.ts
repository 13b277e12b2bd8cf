// People with tokens of a real identity provider before the real gateway: who is let in, as whom, and everything that is not let in.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test, type TestContext } from 'node:test';
import { createPeople, type PeopleRules } from '../../../src/accounts/people/people.ts';
import { systemClock } from '../../../src/base/clock.ts';
import type { Role } from '../../../src/contracts/accounts.ts';
import { type CertificateFiles, makeCertificate, makeFolder } from '../certificates.ts';
import { callJson } from '../http.ts';
import { startService } from '../service.ts';
import { type Provider, startProvider } from './provider.ts';
import { newSigner, part, publicOf, signed, signedWithPublic, type Signer } from './signers.ts';

const RSA = newSigner('RS256', 'rsa');
const EC = newSigner('ES256', 'ec');
const STRANGER = newSigner('RS256', 'rsa');
const NOW = Math.floor(Date.now() / 1000);
const ROLES = new Map<string, readonly Role[]>([
  ['ops', ['admin']],
  ['devs', ['client', 'author']],
]);

async function start(
  context: TestContext,
  signers: readonly Signer[] = [RSA, EC],
  changes: Partial<PeopleRules> = {},
  files?: CertificateFiles,
) {
  const provider = await startProvider(context, signers, files);
  let passed = 0;
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + passed };
  const people = createPeople(
    {
      issuer: provider.issuer,
      clientId: 'caisson',
      algorithms: ['RS256', 'ES256'],
      rolesClaim: 'groups',
      roles: ROLES,
      teamClaim: 'unit',
      teams: new Map([['u1', 'red']]),
      ...changes,
    },
    clock,
  );
  const service = await startService(context, { changes: { people } });
  const ask = async (token: string, path = '/api/v1/keys') => {
    const answer = await callJson<{ error?: { message: string } }>(service, 'GET', path, { key: token });
    return { status: answer.status, message: answer.body.error?.message };
  };
  return { provider, people, service, ask, wait: (ms: number) => (passed += ms) };
}

function claims({ issuer }: Provider, changes: object = {}): object {
  const times = { iat: NOW, exp: NOW + 300 };
  return { iss: issuer, aud: 'caisson', sub: 'u-1', preferred_username: 'ada', groups: ['ops'], ...times, ...changes };
}

describe('a good token', () => {
  for (const alg of ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'] as const)
    test(`signed with ${alg} is let in`, async (context) => {
      const signer = newSigner(alg, 'k');
      const { provider, ask } = await start(context, [signer], { algorithms: [alg] });
      assert.deepEqual(await ask(signed(signer, claims(provider))), { status: 200, message: undefined });
    });

  test('gives the roles and the team of its claims, and always the same id', async (context) => {
    const { provider, people } = await start(context);
    const who = (changes: object) => people.identify(signed(EC, claims(provider, changes)));
    const ada = await who({ groups: ['devs', 'unknown', 7], unit: 'u1' });
    assert.match(ada.id, /^oidc_[0-9a-f]{26}$/);
    assert.deepEqual(ada, { id: ada.id, name: 'ada', team: 'red', roles: ['client', 'author'] });
    assert.deepEqual(await who({ groups: 'ops', unit: ['x', 'u1'], preferred_username: 'a\u0007', email: 'a@b.c' }), {
      id: ada.id,
      name: 'a@b.c',
      team: 'red',
      roles: ['admin'],
    });
    assert.notEqual((await who({ sub: 'u-2' })).id, ada.id);
  });

  test('for several audiences is good for the client that it was given to', async (context) => {
    const { provider, ask } = await start(context);
    const both = { aud: ['other', 'caisson'] };
    assert.equal((await ask(signed(RSA, claims(provider, { ...both, azp: 'caisson' })))).status, 200);
    const { status, message } = await ask(signed(RSA, claims(provider, { ...both, azp: 'other' })));
    assert.deepEqual([status, message], [401, 'the token is not valid: it was given to another client']);
  });
});

describe('a token for an audience beside the client', () => {
  const API = { audience: 'api://caisson' };

  test('is let in where that audience is configured, whichever client it was given to', async (context) => {
    const { provider, ask } = await start(context, [RSA], API);
    for (const aud of ['caisson', 'api://caisson', ['api://caisson', 'other']])
      assert.equal((await ask(signed(RSA, claims(provider, { aud, azp: 'caisson' })))).status, 200);
    const given = { aud: ['api://caisson', 'other'], azp: 'other' };
    assert.equal((await ask(signed(RSA, claims(provider, given)))).status, 200);
    const stray = { aud: ['caisson', 'other'], azp: 'other' };
    assert.equal((await ask(signed(RSA, claims(provider, stray)))).status, 401);
    assert.equal((await ask(signed(RSA, claims(provider, { aud: 'other' })))).status, 401);
  });

  test('is refused where it is not', async (context) => {
    const { provider, ask } = await start(context, [RSA]);
    const { status, message } = await ask(signed(RSA, claims(provider, { aud: API.audience })));
    assert.deepEqual([status, message], [401, 'the token is not valid: it is meant for another audience']);
  });
});

test('a token that does not name its key is tried with all that may be the one, and with no other', async (context) => {
  const { provider, ask } = await start(context, [newSigner('RS256', 'a'), { ...RSA, kid: 'b' }, EC]);
  const nameless = { kid: undefined };
  assert.equal((await ask(signed(RSA, claims(provider), nameless))).status, 200);
  assert.equal((await ask(signed(EC, claims(provider), nameless))).status, 200);
  assert.deepEqual(await ask(signed(STRANGER, claims(provider), nameless)), {
    status: 401,
    message: 'the token is not valid: its signature is wrong',
  });
  assert.equal((await ask(signed(RSA, claims(provider, { exp: NOW - 61 }), nameless))).status, 401);
});

test('claims that are in no map give no role: the person is known and may do nothing', async (context) => {
  const { provider, people, ask } = await start(context);
  for (const groups of [undefined, [], 'nobody', ['admin'], { ops: true }, 'constructor']) {
    const token = signed(RSA, claims(provider, { groups }));
    assert.deepEqual((await people.identify(token)).roles, []);
    assert.equal((await ask(token)).status, 403);
  }
});

test('a token is no key for the engines, and no key is a token', async (context) => {
  const { provider, service, ask } = await start(context);
  assert.equal((await ask(signed(RSA, claims(provider)), '/v1/models')).status, 401);
  assert.equal((await ask(await service.key(['admin']))).status, 200);
  const headers = { 'x-api-key': await service.key(['admin']) };
  const both = { key: signed(RSA, claims(provider)), headers };
  assert.equal((await callJson(service, 'GET', '/api/v1/keys', both)).status, 401);
});

describe('a token is refused', () => {
  const forged = (token: string, body: object) => token.replace(/\.[^.]+\./, `.${part(body)}.`);
  const cases: Readonly<Record<string, readonly [make: (provider: Provider) => string, why: string]>> = {
    'for another audience': [(at) => signed(RSA, claims(at, { aud: 'other' })), 'it is meant for another audience'],
    'from another issuer': [(at) => signed(RSA, claims(at, { iss: `${at.issuer}/` })), 'it is from another issuer'],
    'that has expired': [(at) => signed(RSA, claims(at, { exp: NOW - 61 })), 'it has expired'],
    'without an end': [(at) => signed(RSA, claims(at, { exp: undefined })), 'it has expired'],
    'that does not hold yet': [(at) => signed(RSA, claims(at, { nbf: NOW + 600 })), 'it does not hold yet'],
    'made in the future': [(at) => signed(RSA, claims(at, { iat: NOW + 600 })), 'it does not hold yet'],
    'that names nobody': [(at) => signed(RSA, claims(at, { sub: '' })), 'it names nobody'],
    'with the algorithm none': [
      (at) => `${part({ alg: 'none' })}.${part(claims(at))}.AA`,
      'its algorithm is not allowed',
    ],
    'signed with the public key as a secret': [
      (at) => signedWithPublic(RSA, claims(at)),
      'its algorithm is not allowed',
    ],
    'with an algorithm that is not allowed here': [
      (at) => signed(newSigner('EdDSA', 'rsa'), claims(at)),
      'its algorithm is not allowed',
    ],
    'signed by a stranger under a known name': [(at) => signed(STRANGER, claims(at)), 'its signature is wrong'],
    'whose claims were changed': [
      (at) => forged(signed(RSA, claims(at, { groups: [] })), claims(at)),
      'its signature is wrong',
    ],
    'signed with a key of another kind': [
      (at) => signed(EC, claims(at), { kid: 'rsa' }),
      'it is signed with a key that the provider does not have',
    ],
    'of an unknown key': [
      (at) => signed(STRANGER, claims(at), { kid: 'new' }),
      'it is signed with a key that the provider does not have',
    ],
    'with an extension that must be understood': [
      (at) => signed(RSA, claims(at), { crit: ['b64'], b64: false }),
      'it asks for an extension that is not known here',
    ],
    'that is no JSON': [() => 'a.b.c', 'it is no signed token'],
  };
  for (const [name, [make, why]] of Object.entries(cases))
    test(name, async (context) => {
      const { provider, ask } = await start(context);
      assert.deepEqual(await ask(make(provider)), { status: 401, message: `the token is not valid: ${why}` });
    });

  test('whose time is over by less than the clocks may differ, not yet', async (context) => {
    const { provider, ask } = await start(context);
    const exp = Math.floor(Date.now() / 1000) - 5;
    assert.equal((await ask(signed(RSA, claims(provider, { exp })))).status, 200);
  });

  test('whose key is too short, is a secret, or is not for signing', async (context) => {
    const short = newSigner('RS256', 'short', 1024);
    const { provider, ask } = await start(context, []);
    const secret = { kty: 'oct', k: 'c2VjcmV0', kid: 'rsa', alg: 'RS256' };
    const keys = [publicOf(short), secret, publicOf(RSA, { use: 'enc', kid: 'enc' }), publicOf(EC, { alg: 'RS256' })];
    provider.keys = keys;
    const tokens = [short, { ...RSA, kid: 'enc' }, RSA, EC].map((signer) => signed(signer, claims(provider)));
    for (const token of tokens) assert.equal((await ask(token)).status, 401);
  });
});

test('keys that the provider changes are fetched, and no flood of unknown ones makes it be asked often', async (context) => {
  const { provider, ask, wait } = await start(context, [RSA]);
  assert.equal((await ask(signed(RSA, claims(provider)))).status, 200);
  const next = newSigner('ES256', 'next');
  provider.keys = [publicOf(next)];
  for (let at = 0; at < 20; at += 1) assert.equal((await ask(signed(next, claims(provider)))).status, 401);
  assert.equal(provider.asked, 1);
  wait(31_000);
  assert.equal((await ask(signed(next, claims(provider)))).status, 200);
  assert.equal((await ask(signed(RSA, claims(provider)))).status, 401);
  assert.equal(provider.asked, 2);
});

describe('the provider', () => {
  test('that is down is told as such, and is asked again when it is back', async (context) => {
    const { provider, ask, service, wait } = await start(context);
    provider.down = true;
    const token = signed(RSA, claims(provider));
    const { status, message } = await ask(token);
    assert.equal(status, 503);
    assert.match(String(message), /^the identity provider .* does not answer as it should: /);
    assert.equal((await ask(await service.key(['admin']))).status, 200);
    provider.down = false;
    assert.equal((await ask(token)).status, 503, 'it is left alone for a second');
    wait(1000);
    assert.equal((await ask(token)).status, 200);
  });

  test('whose certificate is signed by a private CA is believed with that CA, and not without it', async (context) => {
    const folder = await makeFolder(context);
    const signer = await makeCertificate(folder, 'signer');
    const files = await makeCertificate(folder, 'provider', { signer });
    const good = await start(context, [RSA], { ca: await readFile(signer.cert, 'utf8') }, files);
    assert.equal((await good.ask(signed(RSA, claims(good.provider)))).status, 200);
    const other = await makeCertificate(folder, 'other');
    for (const changes of [{}, { ca: await readFile(other.cert, 'utf8') }]) {
      const { provider, ask } = await start(context, [RSA], changes, files);
      const { status, message } = await ask(signed(RSA, claims(provider)));
      assert.equal(status, 503);
      assert.match(String(message), /does not answer as it should: .*certificate/);
      assert.equal(provider.asked, 0);
    }
  });

  test('that sends no end of keys is cut, and one that sends its keys elsewhere is not followed', async (context) => {
    const { provider, ask, wait } = await start(context, [RSA]);
    provider.keys = [{ ...provider.keys[0], filler: 'x'.repeat(2 * 1024 * 1024) }];
    assert.equal((await ask(signed(RSA, claims(provider)))).status, 503);
    provider.keys = [publicOf(RSA)];
    provider.lies = { jwks_uri: `${provider.issuer}/elsewhere` };
    wait(1000);
    assert.equal((await ask(signed(RSA, claims(provider)))).status, 503);
    provider.lies = {};
    wait(1000);
    assert.equal((await ask(signed(RSA, claims(provider)))).status, 200);
  });

  test('that goes down is not needed while its keys are known, and no longer', async (context) => {
    const { provider, ask, wait } = await start(context);
    const token = signed(RSA, claims(provider));
    assert.equal((await ask(token)).status, 200);
    provider.down = true;
    wait(5 * 60_000);
    assert.equal((await ask(token)).status, 200);
    wait(6 * 60_000);
    assert.equal((await ask(token)).status, 503);
  });

  test('that speaks for another, or gives no keys, is not believed', async (context) => {
    const { provider, ask, wait } = await start(context);
    const lies = [
      { issuer: 'http://127.0.0.1:1' },
      { jwks_uri: 'file:///etc/passwd' },
      { jwks_uri: `${provider.issuer}/no` },
    ];
    for (const lie of lies) {
      provider.lies = lie;
      wait(1000);
      assert.equal((await ask(signed(RSA, claims(provider)))).status, 503, JSON.stringify(lie));
    }
  });
});

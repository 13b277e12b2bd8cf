// Owns people who come with a token of an identity provider: who they are and which roles their claims give. Knows no key of ours.
import type { Clock } from '../../base/clock.ts';
import { CaissonError } from '../../base/errors.ts';
import { sha256 } from '../../base/hash.ts';
import { type Principal, type Role, ROLES } from '../../contracts/accounts.ts';
import { createLogin, type Login } from './login.ts';
import { createProvider, type ProviderClient } from './provider.ts';
import { createSessions, SESSION_MS, type Sessions } from './sessions.ts';
import { checkToken, type Claims, type TokenRules } from './token.ts';

export interface People {
  /** Who the token is about. Rejects with `unauthenticated`, and with `identity_unreachable` while no keys are to be had. */
  identify(token: string): Promise<Principal>;
  readonly browsers: Browsers;
}

/** Sign-in with a browser. */
export interface Browsers extends Pick<Login, 'begin'>, Pick<Sessions, 'find' | 'end'> {
  /** Where they find the service, as https://NAME; undefined: at the host name that they call. */
  readonly publicUrl: string | undefined;
  /** A session for who comes back from the provider. Rejects with `unauthenticated` and with `identity_unreachable`. */
  finish(back: URL, proof: string): Promise<{ readonly secret: string; readonly ms: number; readonly who: Principal }>;
}

export interface PeopleRules extends TokenRules, ProviderClient {
  /** What is asked for at a sign-in. Absent: openid profile email. */
  readonly scope?: string;
  readonly publicUrl?: string;
  /** Name of the claim whose values give roles; what is not in the map gives none. */
  readonly rolesClaim: string;
  readonly roles: ReadonlyMap<string, readonly Role[]>;
  /** Name of the claim whose values give the team: the first that is in the map; else the team is `default`. */
  readonly teamClaim?: string;
  readonly teams: ReadonlyMap<string, string>;
}

const NAME_CLAIMS: readonly string[] = ['preferred_username', 'email', 'name', 'sub'];
const NAME = /^[\p{L}\p{N} ._@+-]{1,80}$/u;
const ID_CHARACTERS = 26;

export function createPeople(rules: PeopleRules, clock: Clock): People {
  const provider = createProvider(rules, clock);
  const identify = async (token: string) => {
    const checked = await checkToken(token, rules, { provider, now: clock.now() });
    if (checked.ok) return principalOf(checked.claims, rules);
    throw new CaissonError('unauthenticated', `the token is not valid: ${checked.why}`, {
      hint: 'Sign in again at the identity provider, or send an API key.',
    });
  };
  const login = createLogin(provider, rules);
  const sessions = createSessions(clock);
  const browsers: Browsers = {
    publicUrl: rules.publicUrl,
    begin: (back) => login.begin(back),
    finish: async (back, proof) => {
      const who = await identify(await login.finish(back, proof));
      return { secret: sessions.begin(who), ms: SESSION_MS, who };
    },
    find: (secret) => sessions.find(secret),
    end: (secret) => sessions.end(secret),
  };
  return { identify, browsers };
}

/** The same person has the same id, whatever his name is. */
function principalOf(claims: Claims, rules: PeopleRules): Principal {
  const given = new Set(valuesOf(claims, rules.rolesClaim).flatMap((value) => rules.roles.get(value) ?? []));
  const teams = rules.teamClaim === undefined ? [] : valuesOf(claims, rules.teamClaim);
  const id = `oidc_${sha256(JSON.stringify([rules.issuer, claims.sub])).slice(-ID_CHARACTERS)}`;
  return {
    id,
    name: nameOf(claims) ?? id,
    team: teams.map((value) => rules.teams.get(value)).find((team) => team !== undefined) ?? 'default',
    roles: ROLES.filter((role) => given.has(role)),
  };
}

/** It is written into the journal and onto terminals. */
function nameOf(claims: Claims): string | undefined {
  return NAME_CLAIMS.map((name) => claims[name]).find(
    (value): value is string => typeof value === 'string' && NAME.test(value),
  );
}

/** A claim is one text or a list of texts; anything else says nothing. */
function valuesOf(claims: Claims, name: string): readonly string[] {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((one) => typeof one === 'string');
}

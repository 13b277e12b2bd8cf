// Owns the sign-in of a person with a browser, by the code of the identity provider. Knows no cookie and no role.
import {
  authorizationCodeGrant,
  AuthorizationResponseError,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  ResponseBodyError,
} from 'openid-client';
import { CaissonError } from '../../base/errors.ts';
import { knownIn, type Provider } from './provider.ts';
import { isSafe, unreachable } from './reach.ts';

export interface Login {
  /** `back`: where the provider sends the browser to. Rejects with `identity_unreachable`. */
  begin(back: string): Promise<BegunLogin>;
  /**
   * The ID token, whose signature nobody has checked yet. `back`: the address with what the provider sent along.
   * Rejects with `unauthenticated` and with `identity_unreachable`.
   */
  finish(back: URL, proof: string): Promise<string>;
}

export interface BegunLogin {
  /** Where the browser goes to. */
  readonly address: string;
  /** What the same browser must show when it comes back, and nobody else may see. */
  readonly proof: string;
}

const PROOF = /^([\w-]{43})\.([\w-]{43})\.([\w-]{43})$/;
const ERROR_CODE = /^[\w.-]{1,64}$/;

export function createLogin(provider: Provider, rules: { readonly issuer: string; readonly scope?: string }): Login {
  const { issuer, scope = 'openid profile email' } = rules;
  return {
    begin: async (back) => {
      const configuration = await provider.configuration();
      if (!isSafe(configuration.serverMetadata().authorization_endpoint ?? '', issuer))
        throw unreachable(issuer, new Error('its authorization_endpoint is no https address'));
      const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
      const address = buildAuthorizationUrl(configuration, {
        redirect_uri: back,
        scope,
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return { address: address.href, proof: [state, nonce, verifier].join('.') };
    },
    finish: async (back, proof) => {
      const [, state, nonce, verifier] = PROOF.exec(proof) ?? [];
      if (state === undefined || nonce === undefined || verifier === undefined) throw foreign();
      if (back.searchParams.get('state') !== state) throw foreign();
      const configuration = await provider.configuration();
      const checks = { expectedState: state, expectedNonce: nonce, pkceCodeVerifier: verifier, idTokenExpected: true };
      const tokens = await authorizationCodeGrant(configuration, back, checks).catch((error: unknown) => {
        throw problemOf(error);
      });
      return tokens.id_token ?? '';
    },
  };
}

/** Somebody else may have sent the browser here with an account that is not this person's. */
function foreign(): CaissonError {
  return new CaissonError('unauthenticated', 'this sign-in was not begun in this browser, or it took too long', {
    hint: 'Begin again at /auth/login, with cookies allowed.',
  });
}

function problemOf(error: unknown): CaissonError {
  const known = knownIn(error);
  if (known !== undefined) return known;
  const says = error instanceof ResponseBodyError || error instanceof AuthorizationResponseError ? error.error : '';
  const reason = ERROR_CODE.test(says) ? `the identity provider says ${says}` : 'its answer does not belong to it';
  return new CaissonError('unauthenticated', `the sign-in did not succeed: ${reason}`, {
    hint: 'Begin again at /auth/login.',
  });
}

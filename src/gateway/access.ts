// Owns who speaks: the holder of a key, a person with a token or a session, the owner on a unix socket, and which roles a route wants.
import type { FastifyInstance, FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { CaissonError } from '../base/errors.ts';
import type { Principal, Role } from '../contracts/accounts.ts';
import { personOf } from './people/session.ts';
import type { GatewayPorts } from './ports.ts';

export interface Gate {
  /** A hook that lets in who has one of the roles; admin has all of them. Runs before the body is read. */
  admit(...roles: readonly Role[]): onRequestAsyncHookHandler;
  /** Who was let in. */
  principalOf(request: FastifyRequest): Principal;
}

const TOKEN = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;
const BEARER = /^Bearer +([\x21-\x7e]{1,256})$/i;
const PLAIN = /^[\x21-\x7e]{1,256}$/;

type GatePorts = Pick<GatewayPorts, 'accounts' | 'localOwner' | 'people'>;

export function createGate(app: FastifyInstance, ports: GatePorts): Gate {
  const admitted = new WeakMap<FastifyRequest, Principal>();
  return {
    admit:
      (...roles) =>
      async (request) => {
        const principal = await identify(request, app, ports);
        if (!hasRole(principal, roles))
          throw new CaissonError('forbidden', `this needs a key with the role ${roles.join(' or ')}`);
        admitted.set(request, principal);
      },
    principalOf: (request) => {
      const principal = admitted.get(request);
      if (principal === undefined) throw new CaissonError('internal', 'a route without a gate asked who speaks');
      return principal;
    },
  };
}

export function hasRole(principal: Principal, roles: readonly Role[]): boolean {
  return principal.roles.includes('admin') || roles.some((role) => principal.roles.includes(role));
}

async function identify(
  request: FastifyRequest,
  app: FastifyInstance,
  { accounts, localOwner, people }: GatePorts,
): Promise<Principal> {
  const token = tokenOf(request);
  if (people !== undefined && token !== undefined) return people.identify(token);
  const keys = keysOf(request);
  if (keys.length === 0) {
    const person = people !== undefined && isOfService(request) ? personOf(request, people.browsers) : undefined;
    if (person !== undefined) return person;
    if (localOwner !== undefined && isUnixSocket(app)) return localOwner;
    throw new CaissonError('unauthenticated', 'this needs an API key');
  }
  const [key, ...others] = keys;
  if (others.some((other) => other !== key))
    throw new CaissonError('unauthenticated', 'the headers authorization and x-api-key hold different keys', {
      hint: 'Send the key in one of them.',
    });
  const principal = key === undefined ? undefined : await accounts.authenticate(key);
  if (principal === undefined) throw new CaissonError('unauthenticated', 'the API key is not valid');
  return principal;
}

/** Of a person, who works with the service and not with engines; a key beside it is a mistake, which the look at the keys tells. */
function tokenOf(request: FastifyRequest): string | undefined {
  const { headers } = request;
  if (!isOfService(request) || headers['x-api-key'] !== undefined) return undefined;
  return TOKEN.exec(headers.authorization ?? '')?.[1];
}

function isOfService({ routeOptions }: FastifyRequest): boolean {
  return routeOptions.url?.startsWith('/api/v1/') === true;
}

/** One for each header that may hold a key and is there; undefined for one that holds none. */
function keysOf({ headers }: FastifyRequest): readonly (string | undefined)[] {
  const { authorization, 'x-api-key': plain } = headers;
  const bearer = authorization === undefined ? [] : [BEARER.exec(authorization)?.[1]];
  return typeof plain === 'string' ? [...bearer, PLAIN.exec(plain)?.[0]] : bearer;
}

/** Asked of the listener: a peer that has gone has no address either, on any kind of socket. */
function isUnixSocket(app: FastifyInstance): boolean {
  return typeof app.server.address() === 'string';
}

// Owns the answer at addresses where there is nothing, and to methods that an address does not take. Knows no route.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CaissonError } from '../base/errors.ts';
import { noSuchAddress } from './errors.ts';

interface Known {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

/** Before any body is read. To be called before the first route is made. */
export function refuseOtherAddresses(app: FastifyInstance): void {
  const known = new Map<string, Known>();
  app.addHook('onRoute', ({ url, method }) => {
    const entry = known.get(url) ?? { pattern: patternOf(url), methods: new Set(['OPTIONS']) };
    for (const one of [method].flat()) entry.methods.add(one);
    known.set(url, entry);
  });
  app.addHook('onRequest', (request, reply, done) => {
    if (request.is404) answerNoRoute(request, reply, methodsOf(request.url, [...known.values()]));
    else done();
  });
}

/** An address that exists with other methods says which. */
function answerNoRoute(request: FastifyRequest, reply: FastifyReply, allowed: readonly string[]): void {
  if (allowed.length === 0) throw noSuchAddress();
  reply.header('allow', allowed.join(', '));
  if (request.method !== 'OPTIONS')
    throw new CaissonError('method_not_allowed', `this address does not take ${request.method}`);
  reply.code(204).send();
}

function methodsOf(url: string, known: readonly Known[]): readonly string[] {
  const [path = ''] = url.split('?', 1);
  const found = known.filter(({ pattern }) => pattern.test(path));
  return [...new Set(found.flatMap(({ methods }) => [...methods]))].toSorted();
}

function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => {
    if (part === '*') return '.+';
    return part.startsWith(':') ? '[^/]+' : part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`);
  });
  return new RegExp(`^${parts.join('/')}$`);
}

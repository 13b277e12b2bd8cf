// Owns the route that puts the sandbox to the test. Knows no attack.
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { parseInput } from '../parse.ts';
import type { RouteContext } from '../route-context.ts';

const emptySchema = z.strictObject({});

/** Answers when the test has ended; what it came to holds for every run from then on. */
export function sandboxRoutes(app: FastifyInstance, { ports, gate }: RouteContext): void {
  app.post('/api/v1/sandbox/probe', { onRequest: gate.admit('admin') }, async ({ body }) => {
    parseInput(emptySchema, body);
    return ports.probeSandbox();
  });
}

// Owns the making of the OpenAPI document from the tables, and the route that gives it. Knows no other route.
import type { FastifyInstance } from 'fastify';
import { DIALECT_OPERATIONS } from './dialects.ts';
import type { RouteContext } from '../route-context.ts';
import { PEOPLE_OPERATIONS } from './people.ts';
import { object, type Operation, type Schema, text } from './operation.ts';
import { SERVICE_OPERATIONS } from './service.ts';

export const OPERATIONS: readonly Operation[] = [...DIALECT_OPERATIONS, ...SERVICE_OPERATIONS];
/** Of a service whose people have an identity provider. */
export const OPERATIONS_WITH_PEOPLE: readonly Operation[] = [...OPERATIONS, ...PEOPLE_OPERATIONS];

const error = object({ error: object({ message: text }) });

export function openapiRoutes(app: FastifyInstance, { ports: { people } }: RouteContext): void {
  const document = JSON.stringify(documentOf(people === undefined ? OPERATIONS : OPERATIONS_WITH_PEOPLE));
  app.get('/openapi.json', async (_request, reply) => reply.type('application/json; charset=utf-8').send(document));
}

/** OpenAPI 3.1. */
export function documentOf(operations: readonly Operation[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of operations) {
    const path = pathOf(operation.route);
    paths[path] = { ...paths[path], [operation.method]: describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Caisson', version: '1', description: 'A gateway to local engines, and runs of an agent on them.' },
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        plain: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
      schemas: { Error: error },
    },
  };
}

/** `:id` is `{id}`, and `*`, which may hold slashes, is `{name}`. */
function pathOf(route: string): string {
  return route.replaceAll(/:(\w+)/g, '{$1}').replace('*', '{name}');
}

function describe(operation: Operation): object {
  const { method, route, summary, roles, answer, streams = false, body } = operation;
  const { status, schema, type = 'application/json' } = answer;
  const content = { [type]: { schema }, ...(streams ? { 'text/event-stream': { schema: text } } : {}) };
  return {
    operationId: `${method}${pathOf(route).replaceAll(/[^A-Za-z0-9]+(.)?/g, (_all, next: string = '') => next.toUpperCase())}`,
    summary,
    security: roles === 'everyone' ? [] : [{ bearer: [] }, { plain: [] }],
    ...(roles === 'everyone' ? {} : { 'x-roles': ['admin', ...roles.filter((role) => role !== 'admin')] }),
    parameters: parametersOf(operation),
    ...(body === undefined ? {} : { requestBody: bodyOf(operation, body) }),
    responses: {
      [status]: { description: summary, content },
      default: {
        description: 'An error, in the form of the dialect',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}

function bodyOf({ bodyType = 'application/json', example }: Operation, schema: Schema): object {
  const shown = example.body === undefined ? {} : { example: example.body };
  return { required: true, content: { [bodyType]: { schema, ...shown } } };
}

function parametersOf({ route, query = {}, example }: Operation): readonly object[] {
  const names = [...route.matchAll(/:(\w+)|\*/g)].map(([, name]) => name ?? '*');
  return [
    ...names.map((name) => ({
      name: name === '*' ? 'name' : name,
      in: 'path',
      required: true,
      schema: text,
      example: example.path?.[name],
    })),
    ...Object.entries(query).map(([name, schema]) => ({ name, in: 'query', required: false, schema })),
  ];
}

// Owns the form of one row of the tables that describe the routes. Knows no route.
import type { Role } from '../../contracts/accounts.ts';

/** JSON Schema of OpenAPI 3.1. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

export interface Operation {
  readonly method: 'get' | 'post' | 'patch' | 'delete';
  /** As the application knows it: /v1/responses/:id. */
  readonly route: string;
  readonly summary: string;
  /** Who is let in, beside admin; `everyone`: no key is needed. */
  readonly roles: readonly Role[] | 'everyone';
  readonly query?: Readonly<Record<string, Schema>>;
  readonly body?: Schema;
  /** Absent: JSON. */
  readonly bodyType?: string;
  readonly answer: { readonly status: number; readonly schema: Schema; readonly type?: string };
  /** The answer may be a stream of server-sent events instead. */
  readonly streams?: boolean;
  /** What can be sent as it is, and is answered with `answer`, where the things are there that it names. */
  readonly example: { readonly path?: Readonly<Record<string, string>>; readonly body?: unknown };
}

/** What the examples name: each stands for one thing of a real service. */
export const THINGS = {
  run: 'run_01jd0000000000000000000001',
  /** Hash of a content of that run. */
  content: `sha256:${'c'.repeat(64)}`,
  bundle: 'bundle_01jd0000000000000000000002',
  question: 'q_01jd0000000000000000000003',
  /** Hash of what was shown with that question. */
  shown: `sha256:${'5'.repeat(64)}`,
  key: 'key_01jd0000000000000000000004',
  stored: 'resp_01jd0000000000000000000005',
  running: 'resp_01jd0000000000000000000006',
  backend: 'engine-1',
} as const;

export const text: Schema = { type: 'string' };
export const whole: Schema = { type: 'integer' };
export const yes: Schema = { type: 'boolean' };

/** Every property is required, unless its name ends in `?`; others may be there. */
export function object(properties: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(properties).map(([name, schema]) => [name.replace(/\?$/, ''), schema] as const);
  const required = Object.keys(properties).filter((name) => !name.endsWith('?'));
  return { type: 'object', properties: Object.fromEntries(entries), required };
}

export function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}

export function list(items: Schema): Schema {
  return { type: 'array', items };
}

export function oneOf(...values: readonly string[]): Schema {
  return { type: 'string', enum: values };
}

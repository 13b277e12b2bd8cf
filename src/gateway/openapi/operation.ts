// Owns the form of one row of the tables that describe the routes. Knows no route.
import type { Role } from '../../contracts/accounts.ts';

/** JSON Schema of OpenAPI 3.1. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

export interface Operation {
  readonly method: 'get' | 'post' | 'delete';
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
  /** What can be sent as it is; `status`: what a new service answers. */
  readonly example: {
    readonly path?: Readonly<Record<string, string>>;
    readonly body?: unknown;
    readonly status: number;
  };
}

export const text: Schema = { type: 'string' };
export const whole: Schema = { type: 'integer' };
export const yes: Schema = { type: 'boolean' };

/** Every property is required, unless its name ends in `?`; others may be there. */
export function object(properties: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(properties).map(([name, schema]) => [name.replace(/\?$/, ''), schema] as const);
  const required = Object.keys(properties).filter((name) => !name.endsWith('?'));
  return { type: 'object', properties: Object.fromEntries(entries), required };
}

export function list(items: Schema): Schema {
  return { type: 'array', items };
}

export function oneOf(...values: readonly string[]): Schema {
  return { type: 'string', enum: values };
}

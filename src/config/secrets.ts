// Owns the part of a configuration about secrets that the proxy of a sandbox puts in: where each lies, and the one place it may go.
// Knows no value.
import type { z as Schema } from 'zod';
import type { Zod } from '../base/schema.ts';
import type { SecretRef } from './secret.ts';

/** By name, which is its variable in a sandbox as well. */
export type SecretsConfig = Readonly<Record<string, SecretConfig>>;

export interface SecretConfig {
  readonly value: SecretRef;
  readonly host: readonly string[];
  /** Lower case. */
  readonly header: string;
  readonly scheme: readonly ('http' | 'https')[];
  /** Absent: any. */
  readonly method?: readonly string[];
  /** Patterns on the path: `*` is any characters but `/`, `**` any characters. Absent: any. */
  readonly path?: readonly string[];
}

const MOST_SECRETS = 50;
const MOST_PLACES = 50;
const NAME = /^[A-Z][A-Z0-9_]{0,63}$/;
/** Variables that mean something to a shell, a loader or a tool. */
const RESERVED =
  /^(?:PATH|HOME|USER|SHELL|IFS|ENV|PWD|TERM|TMPDIR|LANG|BASH_ENV|NODE_OPTIONS|PYTHONPATH|LD_.*|.*_PROXY|.*_CA_BUNDLE|SSL_CERT_FILE)$/;
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const HOST = new RegExp(`^(?:\\*\\.${LABEL}\\.)?${LABEL}(?:\\.${LABEL})*$`);
/** They frame a request, or say how its answer comes. */
const NOT_OF_A_SECRET =
  /^(?:host|connection|content-length|transfer-encoding|te|upgrade|accept-encoding|range|if-range)$|^(?:proxy|sec)-/i;

export function secretsSchema<Secret extends ReturnType<Zod['custom']>>(z: Zod, secret: Secret) {
  const host = z.string().max(255).regex(HOST, 'a host name in small letters, or *.name.tld for every name below it');
  const header = z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]{0,63}$/, 'the name of a header, such as authorization')
    .refine((name) => !NOT_OF_A_SECRET.test(name), 'no secret goes into this header');
  const method = z.string().regex(/^[A-Z]{1,20}$/, 'a method in large letters, such as GET');
  const path = z
    .string()
    .max(1024)
    .regex(/^\/[^?#]*$/, 'a path that begins with / and ends before ? and #');
  const one = z.strictObject({
    value: secret,
    host: oneOrMore(z, host),
    header,
    scheme: oneOrMore(z, z.enum(['http', 'https'])).optional(),
    method: oneOrMore(z, method).optional(),
    path: oneOrMore(z, path).optional(),
  });
  const name = z
    .string()
    .regex(NAME, 'a name of large letters, digits and underscores: it is a variable in the sandbox')
    .refine((text) => !RESERVED.test(text), 'this variable means something else: give the secret another name');
  return z
    .record(name, one)
    .refine((all) => Object.keys(all).length <= MOST_SECRETS, `at most ${MOST_SECRETS} secrets`);
}

export interface SecretValues<Source> {
  readonly value: Source;
  readonly host: string | readonly string[];
  readonly header: string;
  readonly scheme?: SecretConfig['scheme'][number] | SecretConfig['scheme'] | undefined;
  readonly method?: string | readonly string[] | undefined;
  readonly path?: string | readonly string[] | undefined;
}

/** A secret goes over TLS, unless someone says otherwise. */
export function secretConfigOf<Source>(
  { host, header, scheme = 'https', method, path }: SecretValues<Source>,
  value: SecretRef,
): SecretConfig {
  return {
    value,
    host: [host].flat(),
    header: header.toLowerCase(),
    scheme: [scheme].flat(),
    ...(method === undefined ? {} : { method: [method].flat() }),
    ...(path === undefined ? {} : { path: [path].flat() }),
  };
}

function oneOrMore<Item extends Schema.ZodType>(z: Zod, item: Item) {
  return z.union([item, z.array(item).min(1).max(MOST_PLACES)]);
}

// Owns the tool `request_access`: what of the network is asked for, and what came of it. Knows no policy and no proxy.
import { type Late, late } from '../base/schema.ts';
import type { EgressGrant } from '../contracts/egress.ts';
import type { EgressEffect } from '../contracts/effects.ts';
import type { Tool } from '../contracts/tools.ts';
import { filledText, optionalText, parseArguments, type Parsed } from './arguments.ts';
import { REQUEST_ACCESS } from './definitions.ts';

const schema = late((z) =>
  z.strictObject({ host: filledText(), method: optionalText(), path: filledText(), why: filledText() }),
);
type Written = Late<typeof schema>;
export interface AccessArguments {
  readonly effect: EgressEffect;
}

const EXAMPLE = { host: 'index.example.org', method: 'GET', path: '/left-pad', why: 'npm install needs left-pad' };
const PORTS = { http: 80, https: 443 } as const;

export const requestAccessTool: Tool<AccessArguments> = {
  definition: REQUEST_ACCESS,
  access: true,
  parse: (value) => {
    const read = parseArguments(schema, value, EXAMPLE);
    return read.ok ? effectOf(read.value) : read;
  },
  effects: ({ effect }) => [effect],
  execute: async (_, { granted = [] }) => ({ status: 'ok', output: granted.map(grantWords).join('\n') || ALREADY }),
};

const ALREADY = 'ok\na rule allows it already: try it';

function grantWords({ uses, expiresAt }: EgressGrant): string {
  const limits = [
    ...(uses === undefined ? [] : [`for ${uses} ${uses === 1 ? 'request' : 'requests'}`]),
    ...(expiresAt === undefined ? [] : [`until ${new Date(expiresAt).toISOString()}`]),
  ];
  return `ok\na person allowed it ${limits.length === 0 ? 'for this run' : limits.join(' and ')}: try again now`;
}

function effectOf({ host: given, method: word = 'GET', path: wanted }: Written): Parsed<AccessArguments> {
  const target = targetOf(given.trim());
  if (target === undefined)
    return no('"host" must be a name such as index.example.org, with :port or http:// where it needs them');
  const method = word.trim().toUpperCase();
  if (!/^[A-Z][A-Z-]{0,19}$/.test(method)) return no('"method" must be a word such as GET');
  const path = pathOf(wanted.trim());
  if (path === undefined) return no('"path" must begin with / and may end with /** for all below; no blanks');
  return { ok: true, value: { effect: { type: 'egress', ...target, method, path: method === 'CONNECT' ? '' : path } } };
}

function targetOf(text: string): Pick<EgressEffect, 'host' | 'port' | 'scheme'> | undefined {
  const url = URL.parse(/^https?:\/\//i.test(text) ? text : `https://${text}`);
  if (url === null || /[*@?#]/.test(text) || url.pathname !== '/' || url.hostname === '') return undefined;
  const scheme = url.protocol === 'http:' ? 'http' : 'https';
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  return { host, port: url.port === '' ? PORTS[scheme] : Number(url.port), scheme };
}

/** As the proxy judges it: without query, dots resolved. */
function pathOf(text: string): string | undefined {
  const [path = ''] = text.split(/[?#]/, 1);
  if (!path.startsWith('/') || /[\s\\;]/.test(path)) return undefined;
  return URL.parse(`http://host${path}`)?.pathname;
}

function no(message: string): Parsed<AccessArguments> {
  return { ok: false, message: `${message}. Example: ${JSON.stringify(EXAMPLE)}` };
}

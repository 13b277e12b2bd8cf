// Owns which fields go on to the other side, and which make a request refused. Knows no rule and no address.
import type { EgressFields } from '../../contracts/egress.ts';
import type { Fault } from './wire.ts';

/** Of one connection only, or made anew by whoever sends the message on. */
const HOP = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** They say where a request came from, or lead a client past the proxy: nobody's business. */
const DROPPED = /^(?:proxy-.*|forwarded|x-forwarded-.*|x-host|x-real-ip|via|alt-svc|alt-used)$/;
/** They make another request of it than the one that was judged. */
const OVERRIDES = new Set([
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'x-method',
  'x-original-url',
  'x-original-uri',
  'x-rewrite-url',
  'x-rewrite-uri',
]);
const METHOD_PARAMETERS = new Set([
  '_method',
  '_httpmethod',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
]);
const LIST = /[ \t]*,[ \t]*/;

/** What of a message's fields is sent on. Framing and `Host` are the sender's. */
export function fieldsToSend(fields: EgressFields): EgressFields {
  const named = connectionOptions(fields);
  return fields.filter(([name]) => !HOP.has(name) && !DROPPED.test(name) && !named.has(name));
}

/** Lower case. */
export function connectionOptions(fields: EgressFields): ReadonlySet<string> {
  const options = fields.filter(([name]) => name === 'connection' || name === 'proxy-connection');
  return new Set(options.flatMap(([, value]) => value.toLowerCase().split(LIST)));
}

/** The only value of a field; undefined: it is not there. */
export function onlyValue(fields: EgressFields, name: string): string | undefined | Fault {
  const values = fields.filter((field) => field[0] === name);
  return values.length > 1 ? { fault: `the field ${name} stands in it twice` } : values[0]?.[1];
}

/** A field or a query that would make the origin take the request for another one. Servers that speak CGI read `_` as `-`. */
export function overrideIn(fields: EgressFields, query: string): Fault | undefined {
  for (const [name] of fields) {
    const plain = name.replaceAll('_', '-');
    if (OVERRIDES.has(plain)) return { fault: `its field ${name} asks for another method or path than its first line` };
    if (plain !== name && HOP.has(plain)) return { fault: `its field ${name} may be taken for ${plain}` };
  }
  for (const pair of query.split(/[&;]/)) {
    const name = looselyDecoded(pair.split('=', 1)[0] ?? '').toLowerCase();
    if (METHOD_PARAMETERS.has(name.replaceAll('_', '-').replace(/^-/, '_')))
      return { fault: `its query names a method (${name})` };
  }
  return undefined;
}

/** Percent-escapes read as often as a careless origin might; what is no escape stays. */
export function looselyDecoded(text: string): string {
  let now = text.replaceAll('+', ' ');
  for (let times = 0; times < 3; times += 1) {
    now = now.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return now;
}

export function headText(firstLine: string, fields: EgressFields): string {
  let text = `${firstLine}\r\n`;
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  return `${text}\r\n`;
}

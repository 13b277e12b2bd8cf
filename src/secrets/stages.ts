// Owns what the proxy of one sandbox does with secrets: put in on the way out, masked on the way back. Opens no connection.
import type { BoundSecret, EgressFields, EgressMask, EgressMatch, EgressSecrets } from '../contracts/egress.ts';
import type { EgressEffect } from '../contracts/effects.ts';
import { decoderOf, MaskingStream } from './masking-stream.ts';
import { putIn } from './putting-in.ts';
import { createScanner, type Scanner } from './scanner.ts';
import type { Substitution } from './substitution.ts';

/** Whether a request is one of those that a match covers. */
export type Covers = (match: EgressMatch, request: EgressEffect) => boolean;

/** Of a request to a host that a secret is bound to: an answer in pieces, or encoded, could not be looked through. */
const NOT_SENT: readonly string[] = ['accept-encoding', 'range', 'if-range'];
/** Of an answer that was decoded: they are those of other bytes. */
const OF_ENCODED: readonly string[] = ['content-encoding', 'content-length', 'content-md5', 'digest', 'content-digest'];
/** Users that one sandbox names beside a secret in Basic; of more, the placeholder goes as it is. */
const MOST_ENCODED = 8;

/** `secrets`: none is empty, and no two have the same value. */
export function createSecretStages(secrets: readonly BoundSecret[], covers: Covers): EgressSecrets {
  const known = new Map<string, Substitution>(secrets.map(({ value, placeholder }) => [value, { value, placeholder }]));
  let scanner: Scanner | undefined;
  const mayLearn = (encoded: Substitution | undefined) => {
    if (encoded === undefined || known.has(encoded.value)) return true;
    if (known.size >= secrets.length + MOST_ENCODED) return false;
    known.set(encoded.value, encoded);
    scanner = undefined;
    return true;
  };
  const isBound = (request: EgressEffect) => secrets.some(({ match }) => covers({ hosts: match.hosts ?? [] }, request));
  return {
    outgoing: (request, fields) => {
      if (!isBound(request)) return { fields, used: [] };
      const matching = secrets.filter(({ match }) => covers(match, request));
      const used = new Set<string>();
      const put = fields
        .filter(([name]) => !NOT_SENT.includes(name))
        .map(([name, value]) => [name, putInto(name, value, { matching, mayLearn, used })] as const);
      return { fields: [...put, ['accept-encoding', 'identity']], used: [...used] };
    },
    incoming: (request) =>
      isBound(request) ? maskOf(() => (scanner ??= createScanner([...known.values()]))) : undefined,
  };
}

function putInto(
  name: string,
  value: string,
  {
    matching,
    mayLearn,
    used,
  }: {
    readonly matching: readonly BoundSecret[];
    readonly mayLearn: (encoded: Substitution | undefined) => boolean;
    readonly used: Set<string>;
  },
): string {
  for (const secret of matching) {
    const put = secret.header === name ? putIn(value, secret) : undefined;
    if (put === undefined || !mayLearn(put.encoded)) continue;
    used.add(secret.name);
    return put.value;
  }
  return value;
}

/** The scanner is asked for with the answer: what was put in until then may be echoed. */
function maskOf(scanner: () => Scanner): EgressMask {
  return {
    answer: (fields) => {
      const refused = refusal(fields);
      if (refused !== undefined) return { refused };
      const [encoding] = encodingsOf(fields);
      const kept = encoding === undefined ? fields : fields.filter(([name]) => !OF_ENCODED.includes(name));
      const body = new MaskingStream(scanner(), encoding === undefined ? undefined : decoderOf(encoding)?.());
      return { fields: masked(kept, scanner()), body };
    },
  };
}

function refusal(fields: EgressFields): string | undefined {
  const isPart = fields.some(
    ([name, value]) =>
      name === 'content-range' || (name === 'content-type' && /^\s*multipart\/byteranges/i.test(value)),
  );
  if (isPart) return 'it is a part of a whole, in which a secret could not be seen';
  const encodings = encodingsOf(fields);
  const isRead = encodings.length === 0 || (encodings.length === 1 && decoderOf(encodings[0] ?? '') !== undefined);
  return isRead
    ? undefined
    : `it came in the content-encoding ${JSON.stringify(encodings.join(', '))}, though it was asked for none`;
}

function encodingsOf(fields: EgressFields): readonly string[] {
  return fields
    .filter(([name]) => name === 'content-encoding')
    .flatMap(([, value]) => value.toLowerCase().split(','))
    .map((encoding) => encoding.trim())
    .filter((encoding) => encoding !== '' && encoding !== 'identity');
}

function masked(fields: EgressFields, scanner: Scanner): EgressFields {
  const mask = (text: string) => scanner.substitute(text, true).passed;
  return fields.map(([name, value]) => [mask(name).toLowerCase(), mask(value)]);
}

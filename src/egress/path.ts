// Owns the canonical form of a path: one that every origin reads alike. What two origins could read differently is refused. Knows no rule.
import { type Fault } from './http/wire.ts';

export interface Target {
  /** Canonical, begins with a slash. It is what is judged and what is sent. */
  readonly path: string;
  /** As it came, without its question mark; '' if there is none. */
  readonly query: string;
}

/** Signs that stand as themselves in a path. A plus stays as it came: some stores take it for a blank. */
const PLAIN = /^[A-Za-z0-9._~!$&'()*,=:@/-]$/;
const CONTROL = /\p{Cc}/u;
const ESCAPE = /%([0-9a-fA-F]{2})/g;
const MEANING = /[/\\.%;?#]/g;
const MOST_PATH = 8192;
const ONLY_DOTS = /^[. ]*\.[. ]*$/;

/**
 * `text`: path and query as they came, visible ASCII. Dot segments and repeated slashes are resolved, escapes of signs that need none
 * are undone (`%2f` too: the path that is judged is the one that is sent), the others are in upper case.
 */
export function canonicalTarget(text: string): Target | Fault {
  if (text.includes('#')) return { fault: 'a fragment stands in it' };
  const mark = text.indexOf('?');
  const raw = mark < 0 ? text : text.slice(0, mark);
  const query = mark < 0 ? '' : text.slice(mark + 1);
  if (raw.length > MOST_PATH) return { fault: `its path is longer than ${MOST_PATH} characters` };
  if (!raw.startsWith('/')) return { fault: 'its path does not begin with a slash' };
  const decoded = decode(raw);
  if (typeof decoded !== 'string') return decoded;
  const segments = resolve(decoded.split('/').slice(1));
  if ('fault' in segments) return segments;
  return { path: `/${segments.kept.map(encode).join('/')}`, query };
}

/** Characters as the origin sees them; escapes of `%` and `+` are kept. */
function decode(raw: string): string | Fault {
  if (/%(?![0-9a-fA-F]{2})/.test(raw)) return { fault: 'a percent sign in its path begins no escape' };
  const bytes = Buffer.from(
    raw.replaceAll(ESCAPE, (all, hex: string) =>
      /^(?:25|2b)$/i.test(hex) ? all.toUpperCase() : String.fromCharCode(Number.parseInt(hex, 16)),
    ),
    'latin1',
  );
  const text = bytes.toString('utf8');
  // Of the decoded text: the signs behind the percent sign may have been escapes themselves.
  if (/%25(?:[0-9a-f]{2}|u)/i.test(text)) return { fault: 'an escape in its path is escaped once more' };
  if (text.includes('\uFFFD')) return { fault: 'its path is no UTF-8' };
  if (CONTROL.test(text)) return { fault: 'a control character stands in its path' };
  if (text.includes('\\')) return { fault: 'a backslash stands in its path' };
  if (text.includes(';')) return { fault: 'a semicolon stands in its path, and servers differ on what follows it' };
  // Full-width signs and their like become slashes and dots at origins that normalise.
  if (text.normalize('NFKC').match(MEANING)?.length !== text.match(MEANING)?.length)
    return { fault: 'a sign in its path may be taken for a slash, a dot or an escape' };
  return text;
}

function resolve(segments: readonly string[]): { readonly kept: readonly string[] } | Fault {
  const kept: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    if (segment === '..') {
      if (kept.length === 0) return { fault: 'its path climbs above the root' };
      kept.pop();
    } else if (ONLY_DOTS.test(segment) && segment !== '.') {
      return { fault: 'a part of its path is only dots and blanks' };
    } else if (segment !== '.' && segment !== '') kept.push(segment);
    if (isLast && ['', '.', '..'].includes(segment)) kept.push('');
  }
  return { kept };
}

function encode(segment: string): string {
  let text = '';
  for (const char of segment.replaceAll(/%2[5B]/g, (escape) => (escape === '%25' ? '\u0000' : '\u0001'))) {
    if (char === '\u0000') text += '%25';
    else if (char === '\u0001') text += '%2B';
    else text += PLAIN.test(char) || char === '+' ? char : encodeURIComponent(char);
  }
  return text;
}

// Owns the finding of the members at the top of a JSON object in its bytes, without reading what lies below. Knows no dialect.

/** Where the value of a member begins and ends. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const COMMA = 0x2c;
const COLON = 0x3a;
const MAX_DEPTH = 64;

/**
 * Undefined if the bytes are no object or anything makes one unsure: a key that is there twice or has an escape, brackets that do not
 * fit, deeper nesting than 64. Values are told apart, not checked: whoever reads them says what is wrong with them.
 */
export function readTopLevel(bytes: Buffer): ReadonlyMap<string, Span> | undefined {
  const start = skipBlank(bytes, 0);
  const end = bytes[start] === OPEN_OBJECT ? endOfNested(bytes, start) : -1;
  if (end === -1 || skipBlank(bytes, end) !== bytes.length) return undefined;
  return readMembers(bytes, { start, end });
}

/** The same for an object inside. */
export function readMembers(bytes: Buffer, { start, end }: Span): ReadonlyMap<string, Span> | undefined {
  if (bytes[start] !== OPEN_OBJECT) return undefined;
  const members = new Map<string, Span>();
  let at = skipBlank(bytes, start + 1);
  while (at < end - 1) {
    const keyEnd = bytes[at] === QUOTE ? endOfText(bytes, at) : -1;
    if (keyEnd === -1) return undefined;
    const key = bytes.toString('utf8', at + 1, keyEnd - 1);
    const colon = skipBlank(bytes, keyEnd);
    if (key.includes('\\') || members.has(key) || bytes[colon] !== COLON) return undefined;
    const value = spanOfValue(bytes, skipBlank(bytes, colon + 1));
    if (value === undefined) return undefined;
    members.set(key, value);
    at = behindComma(bytes, value.end, end - 1);
    if (at === -1) return undefined;
  }
  return members;
}

/** The items of a list, the first so many of them. */
export function readList(
  bytes: Buffer,
  { start, end }: Span,
  most = Number.POSITIVE_INFINITY,
): readonly Span[] | undefined {
  if (bytes[start] !== OPEN_LIST) return undefined;
  const items: Span[] = [];
  let at = skipBlank(bytes, start + 1);
  while (at < end - 1 && items.length < most) {
    const item = spanOfValue(bytes, at);
    if (item === undefined) return undefined;
    items.push(item);
    at = behindComma(bytes, item.end, end - 1);
    if (at === -1) return undefined;
  }
  return items;
}

/** Undefined if the member is absent or null; `NaN`, which nobody expects, for what is no JSON. */
export function valueAt(bytes: Buffer, span: Span | undefined): unknown {
  if (span === undefined) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8', span.start, span.end)) ?? undefined;
  } catch {
    return Number.NaN;
  }
}

export function textAt(bytes: Buffer, span: Span | undefined): string | undefined {
  const value = valueAt(bytes, span);
  return typeof value === 'string' ? value : undefined;
}

/** Where the next item begins, or the closing bracket at `last`; -1 if neither follows. */
function behindComma(bytes: Buffer, from: number, last: number): number {
  const at = skipBlank(bytes, from);
  if (at === last) return at;
  if (bytes[at] !== COMMA) return -1;
  const next = skipBlank(bytes, at + 1);
  return next === last ? -1 : next;
}

function skipBlank(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isBlank(bytes[at] ?? 0)) at += 1;
  return at;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Behind the closing quote of the text that begins at `from`; -1 if it has none. Long texts are crossed by the runtime's own search. */
function endOfText(bytes: Buffer, from: number): number {
  let at = from + 1;
  for (;;) {
    const quote = bytes.indexOf(QUOTE, at);
    if (quote === -1) return -1;
    let escapes = 0;
    while (bytes[quote - 1 - escapes] === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

/** Undefined if it has no end, is nothing, or its brackets do not fit. */
function spanOfValue(bytes: Buffer, start: number): Span | undefined {
  const end = endOfValue(bytes, start);
  return end === -1 ? undefined : { start, end };
}

function endOfValue(bytes: Buffer, start: number): number {
  const first = bytes[start];
  if (first === QUOTE) return endOfText(bytes, start);
  if (first === OPEN_OBJECT || first === OPEN_LIST) return endOfNested(bytes, start);
  let at = start;
  while (at < bytes.length && !isDelimiter(bytes[at] ?? 0)) at += 1;
  return at === start ? -1 : at;
}

function isDelimiter(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST || isBlank(byte);
}

function endOfNested(bytes: Buffer, start: number): number {
  const open: number[] = [];
  let at = start;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = endOfText(bytes, at);
      if (at === -1) return -1;
      continue;
    }
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      if (open.length === MAX_DEPTH) return -1;
      open.push(byte === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_LIST);
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      if (open.pop() !== byte) return -1;
      if (open.length === 0) return at + 1;
    }
    at += 1;
  }
  return -1;
}

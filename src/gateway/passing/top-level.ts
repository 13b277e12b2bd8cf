// Owns the finding of the members at the top of a JSON object in its bytes, without reading what lies below. Knows no dialect.

/** Where the value of a member begins and ends; what is inside, where it was looked into on the way. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly members?: ReadonlyMap<string, Span>;
  readonly items?: readonly Span[];
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
 * fit, deeper nesting than 64. Values are told apart, not checked: whoever reads them says what is wrong with them. Objects in the list
 * `into` are looked into on the way, so that no byte is crossed twice.
 */
export function readTopLevel(bytes: Buffer, into?: string): ReadonlyMap<string, Span> | undefined {
  const start = skipBlank(bytes, 0);
  const found = readObject(bytes, start, { depth: 0, into });
  return found === undefined || skipBlank(bytes, found.end) !== bytes.length ? undefined : found.members;
}

/** The same for an object inside. */
export function readMembers(bytes: Buffer, { start, members }: Span): ReadonlyMap<string, Span> | undefined {
  return members ?? readObject(bytes, start, { depth: 0 })?.members;
}

/** The items of a list, the first so many of them. */
export function readList(
  bytes: Buffer,
  { start, items }: Span,
  most = Number.POSITIVE_INFINITY,
): readonly Span[] | undefined {
  if (items !== undefined) return items.length <= most ? items : items.slice(0, most);
  return readItems(bytes, start, { depth: 0 }, most)?.items;
}

interface Look {
  /** How deep the value lies. */
  readonly depth: number;
  /** The member to be looked into. */
  readonly into?: string | undefined;
}

const INNER = 2;

function readObject(bytes: Buffer, start: number, { depth, into }: Look): Required<Omit<Span, 'items'>> | undefined {
  if (bytes[start] !== OPEN_OBJECT) return undefined;
  const members = new Map<string, Span>();
  let at = skipBlank(bytes, start + 1);
  if (bytes[at] === CLOSE_OBJECT) return { start, end: at + 1, members };
  for (;;) {
    const member = readMember(bytes, at, { depth, into });
    if (member === undefined || members.has(member.key)) return undefined;
    members.set(member.key, member.value);
    at = skipBlank(bytes, member.value.end);
    if (bytes[at] === CLOSE_OBJECT) return { start, end: at + 1, members };
    if (bytes[at] !== COMMA) return undefined;
    at = skipBlank(bytes, at + 1);
  }
}

function readMember(
  bytes: Buffer,
  at: number,
  { depth, into }: Look,
): { readonly key: string; readonly value: Span } | undefined {
  const keyEnd = bytes[at] === QUOTE ? endOfText(bytes, at) : -1;
  if (keyEnd === -1) return undefined;
  const key = bytes.toString('utf8', at + 1, keyEnd - 1);
  const colon = skipBlank(bytes, keyEnd);
  if (key.includes('\\') || bytes[colon] !== COLON) return undefined;
  const from = skipBlank(bytes, colon + 1);
  const inside = key === into ? readItems(bytes, from, { depth: depth + 1 }) : undefined;
  const value = inside ?? spanOfValue(bytes, from, depth + 1);
  return value === undefined ? undefined : { key, value };
}

function readItems(
  bytes: Buffer,
  start: number,
  { depth }: Look,
  most = Number.POSITIVE_INFINITY,
): Required<Omit<Span, 'members'>> | undefined {
  if (bytes[start] !== OPEN_LIST) return undefined;
  const items: Span[] = [];
  let at = skipBlank(bytes, start + 1);
  if (bytes[at] === CLOSE_LIST) return { start, end: at + 1, items };
  while (items.length < most) {
    const item =
      (depth < INNER ? readObject(bytes, at, { depth: depth + 1 }) : undefined) ?? spanOfValue(bytes, at, depth + 1);
    if (item === undefined) return undefined;
    items.push(item);
    at = skipBlank(bytes, item.end);
    if (bytes[at] === CLOSE_LIST) return { start, end: at + 1, items };
    if (bytes[at] !== COMMA) return undefined;
    at = skipBlank(bytes, at + 1);
  }
  return { start, end: at, items };
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

function skipBlank(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && isBlank(bytes[at] ?? 0)) at += 1;
  return at;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/**
 * Behind the closing quote of the text that begins at `from`; -1 if it has none. A quote that is near is found by hand, as most are in
 * code; a long way is crossed by the runtime's own search.
 */
function endOfText(bytes: Buffer, from: number): number {
  let at = from + 1;
  while (at < bytes.length) {
    for (const near = at + NEAR_BYTES; at < near;) {
      const byte = bytes[at];
      if (byte === QUOTE) return at + 1;
      at += byte === BACKSLASH ? 2 : 1;
    }
    const quote = bytes.indexOf(QUOTE, at);
    if (quote === -1) return -1;
    let escapes = 0;
    while (quote - escapes > at && bytes[quote - 1 - escapes] === BACKSLASH) escapes += 1;
    at = quote + (escapes % 2 === 0 ? 0 : 1);
  }
  return -1;
}

const NEAR_BYTES = 64;

/** Undefined if it has no end, is nothing, or its brackets do not fit. */
function spanOfValue(bytes: Buffer, start: number, depth: number): Span | undefined {
  const end = endOfValue(bytes, start, depth);
  return end === -1 ? undefined : { start, end };
}

function endOfValue(bytes: Buffer, start: number, depth: number): number {
  const first = bytes[start];
  if (first === QUOTE) return endOfText(bytes, start);
  if (first === OPEN_OBJECT || first === OPEN_LIST) return endOfNested(bytes, start, MAX_DEPTH - depth);
  let at = start;
  while (at < bytes.length && !isDelimiter(bytes[at] ?? 0)) at += 1;
  return at === start ? -1 : at;
}

function isDelimiter(byte: number): boolean {
  return byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_LIST || isBlank(byte);
}

/** `most`: brackets that may be open at once. */
function endOfNested(bytes: Buffer, start: number, most: number): number {
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
      if (open.length === most) return -1;
      open.push(byte === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_LIST);
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      if (open.pop() !== byte) return -1;
      if (open.length === 0) return at + 1;
    }
    at += 1;
  }
  return -1;
}

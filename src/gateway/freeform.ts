// Owns freeform tools: how one is shown to an engine as a function, and the text of a call while it comes in JSON. Knows no dialect.
import type { ToolDefinition } from '../contracts/messages.ts';

/** The one field of the function as which a freeform tool is shown. */
const INPUT = 'input';

/** In the client's words. `grammar`: that the text of a call must match. */
export interface FreeformTool {
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly grammar?: { readonly definition: string; readonly syntax?: string | null | undefined } | undefined;
}

export function shownAsFunction({ name, description, grammar }: FreeformTool): ToolDefinition {
  const must =
    grammar === undefined ? '' : `\n\nThe text must match this ${grammar.syntax ?? ''} grammar:\n${grammar.definition}`;
  const how = `Give the whole text for the tool as the field ${JSON.stringify(INPUT)}.${must}`;
  return {
    name,
    description: description === undefined || description === null ? how : `${description}\n\n${how}`,
    parameters: {
      type: 'object',
      properties: { [INPUT]: { type: 'string', description: 'The whole text for the tool, as it is.' } },
      required: [INPUT],
      additionalProperties: false,
    },
  };
}

/** The arguments of the function for a call with this text. */
export function argumentsOf(text: string): string {
  return JSON.stringify({ [INPUT]: text });
}

/** The text of a call that is whole. */
export function textOfCall(json: string): string {
  const input = createFreeformText();
  input.take(json);
  input.end();
  return input.text;
}

export interface FreeformText {
  /** More of the JSON; gives what of the text can be told now. */
  take(fragment: string): string;
  /** The JSON is whole: gives the rest of the text. */
  end(): string;
  readonly text: string;
}

const OPENING = new RegExp(`^\\s*\\{\\s*${JSON.stringify(INPUT)}\\s*:\\s*"`);
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' };
/** An opening that has not come by then is none. */
const OPENING_CHARACTERS = 256;

/** Text that was told stays told: what comes behind it is left out if the JSON goes wrong. */
export function createFreeformText(): FreeformText {
  /** The JSON as long as its opening is not found; then the part of the string that could not be read yet. */
  let rest = '';
  let state: 'before' | 'inside' | 'behind' = 'before';
  let text = '';
  const tell = (piece: string) => {
    text += piece;
    return piece;
  };
  const read = () => {
    const piece = readString(rest);
    rest = rest.slice(piece.end);
    if (piece.closed) state = 'behind';
    return tell(piece.text);
  };
  return {
    take: (fragment) => {
      if (state === 'behind') return '';
      const isEarly = rest.length <= OPENING_CHARACTERS;
      rest += fragment;
      if (state === 'inside') return read();
      const opening = isEarly ? OPENING.exec(rest)?.[0] : undefined;
      if (opening === undefined) return '';
      rest = rest.slice(opening.length);
      state = 'inside';
      return read();
    },
    // The model may have put the field elsewhere, or have written no JSON at all.
    end: () => (state === 'before' ? tell(inputIn(rest)) : ''),
    get text() {
      return text;
    },
  };
}

/** Reads the inside of a JSON string as far as it can be understood; `end`: where to go on. */
function readString(json: string): { readonly text: string; readonly end: number; readonly closed: boolean } {
  let text = '';
  let at = 0;
  for (;;) {
    const stop = nextMark(json, at);
    text += json.slice(at, stop);
    if (stop === json.length) return { ...wholeCharacters(text, stop), closed: false };
    if (json[stop] === '"') return { text, end: stop, closed: true };
    const escape = readEscape(json, stop);
    if (escape === undefined) return { text, end: stop, closed: false };
    text += escape.text;
    at = escape.end;
  }
}

function nextMark(json: string, from: number): number {
  for (let at = from; at < json.length; at += 1) if (json[at] === '"' || json[at] === '\\') return at;
  return json.length;
}

/** Half of a character at the end stays there for the next time. */
function wholeCharacters(text: string, end: number): { readonly text: string; readonly end: number } {
  return /[\uD800-\uDBFF]$/.test(text) ? { text: text.slice(0, -1), end: end - 1 } : { text, end };
}

/** Undefined while it is not whole; of a character that takes two escapes both are awaited. */
function readEscape(json: string, at: number): { readonly text: string; readonly end: number } | undefined {
  const kind = json[at + 1];
  if (kind === undefined) return undefined;
  if (kind !== 'u') return { text: ESCAPES[kind] ?? kind, end: at + 2 };
  const end = at + 6;
  if (json.length < end) return undefined;
  const first = codeAt(json, at);
  if (first < 0xd800 || first > 0xdbff) return { text: String.fromCharCode(first), end };
  if (!'\\u'.startsWith(json.slice(end, end + 2))) return { text: String.fromCharCode(first), end };
  if (json.length < end + 6) return undefined;
  return { text: String.fromCharCode(first, codeAt(json, end)), end: end + 6 };
}

function codeAt(json: string, at: number): number {
  const code = Number.parseInt(json.slice(at + 2, at + 6), 16);
  return Number.isNaN(code) ? 0xfffd : code;
}

/** The field, wherever it stands; else the only text there is; else the JSON itself. */
function inputIn(json: string): string {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return json;
  }
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return json;
  const fields: readonly unknown[] = Object.values(value);
  if (INPUT in value && typeof value[INPUT] === 'string') return value[INPUT];
  const [only] = fields;
  return fields.length === 1 && typeof only === 'string' ? only : json;
}

// Owns the cutting of a model's output into text and marks, wherever its pieces were cut. Knows no meaning of a mark.
import type { OutputProfile } from '../../contracts/model-profile.ts';

export type MarkKind =
  | 'think'
  | 'think_end'
  | 'calls'
  | 'calls_end'
  | 'function'
  | 'function_end'
  | 'parameter'
  | 'parameter_end'
  | 'stop';

export type Item =
  | { readonly kind: 'text'; readonly raw: string }
  /** `name`: of the function or the parameter. */
  | { readonly kind: MarkKind; readonly raw: string; readonly name: string };

export interface Marks {
  push(text: string): Item[];
  end(): Item[];
}

const LONGEST_NAME = 200;
const NAME = /^[^<>\n]+$/;
const NAMED = [
  ['<function=', 'function'],
  ['<parameter=', 'parameter'],
] as const;
const CALLS = [
  ['<tool_call>', 'calls'],
  ['</tool_call>', 'calls_end'],
  ['</function>', 'function_end'],
  ['</parameter>', 'parameter_end'],
] as const;
/** Opens a list of calls as JSON, as the second generation of Nemotron Nano writes it. */
export const LIST_MARK = '<TOOLCALL>';
const LISTS = [
  [LIST_MARK, 'calls'],
  ['</TOOLCALL>', 'calls_end'],
] as const;

/** `withCalls`: whether marks of calls are marks; otherwise they are text. */
export function markReader(profile: OutputProfile, withCalls: boolean): Marks {
  const fixed = [
    ...(withCalls ? CALLS : []),
    ...(withCalls && profile.toolCalls === 'json' ? LISTS : []),
    [profile.thinkingStart, 'think'] as const,
    [profile.thinkingEnd, 'think_end'] as const,
    ...profile.stopTexts.map((text) => [text, 'stop'] as const),
  ].filter(([text]) => text !== '');
  return new MarkReader(fixed, withCalls);
}

type Fixed = readonly (readonly [text: string, kind: MarkKind])[];

class MarkReader implements Marks {
  readonly #fixed: Fixed;
  readonly #withNames: boolean;
  readonly #heads: RegExp;
  /** Second characters of marks: most that begin like one stop there. */
  readonly #seconds: ReadonlySet<string>;
  #rest = '';

  constructor(fixed: Fixed, withNames: boolean) {
    this.#fixed = fixed;
    this.#withNames = withNames;
    this.#seconds = new Set([...fixed.map(([text]) => text.charAt(1)), ...(withNames ? ['f', 'p'] : []), '']);
    const heads = new Set([...fixed.map(([text]) => text.slice(0, 1)), ...(withNames ? ['<'] : [])]);
    this.#heads = new RegExp(`[${[...heads].map((head) => head.replace(/[\\\]^-]/, String.raw`\$&`)).join('')}]`, 'g');
  }

  push(text: string): Item[] {
    return this.#cut(this.#rest + text, false);
  }

  end(): Item[] {
    return this.#cut(this.#rest, true);
  }

  #cut(text: string, isEnd: boolean): Item[] {
    const items: Item[] = [];
    let start = 0;
    let from = 0;
    let stop = text.length;
    for (let at = this.#headAfter(text, from); at !== -1; at = this.#headAfter(text, from)) {
      const found = this.#markAt(text, at);
      if (found === 'open' && !isEnd) {
        stop = at;
        break;
      }
      from = at + 1;
      if (found === undefined || found === 'open') continue;
      if (at > start) items.push({ kind: 'text', raw: text.slice(start, at) });
      items.push(found);
      start = from = at + found.raw.length;
    }
    if (!isEnd && stop === text.length && isHalf(text)) stop -= 1;
    if (stop > start) items.push({ kind: 'text', raw: text.slice(start, stop) });
    this.#rest = text.slice(stop);
    return items;
  }

  #headAfter(text: string, from: number): number {
    this.#heads.lastIndex = from;
    return this.#heads.exec(text)?.index ?? -1;
  }

  /** `open`: more text may make a mark of it. */
  #markAt(text: string, at: number): Exclude<Item, { readonly kind: 'text' }> | 'open' | undefined {
    if (!this.#seconds.has(text.charAt(at + 1))) return undefined;
    let isOpen = false;
    for (const [mark, kind] of this.#fixed) {
      if (text.startsWith(mark, at)) return { kind, raw: mark, name: '' };
      isOpen ||= text.length - at < mark.length && mark.startsWith(text.slice(at));
    }
    if (isOpen) return 'open';
    if (!this.#withNames) return undefined;
    for (const [opening, kind] of NAMED) {
      if (text.startsWith(opening, at)) return namedMark(text, at, opening, kind);
      if (text.length - at < opening.length && opening.startsWith(text.slice(at))) return 'open';
    }
    return undefined;
  }
}

function namedMark(
  text: string,
  at: number,
  opening: string,
  kind: MarkKind,
): Exclude<Item, { readonly kind: 'text' }> | 'open' | undefined {
  const part = text.slice(at + opening.length, at + opening.length + LONGEST_NAME);
  const end = part.indexOf('>');
  if (end === -1) return part.length < LONGEST_NAME && (part === '' || NAME.test(part)) ? 'open' : undefined;
  const name = part.slice(0, end);
  if (!NAME.test(name)) return undefined;
  return { kind, raw: `${opening}${name}>`, name: name.trim().replace(/^(["'])(.*)\1$/, '$2') };
}

/** The first half of a character that needs two. */
function isHalf(text: string): boolean {
  const code = text.charCodeAt(text.length - 1);
  return code >= 0xd800 && code <= 0xdbff;
}

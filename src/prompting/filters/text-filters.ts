// Owns the filters of Jinja that make texts and numbers. Knows no statement.
import { escapeHtml } from '../python/arithmetic.ts';
import { compareNumbers, isTrue } from '../python/order.ts';
import { formatPercent } from '../python/percent.ts';
import { type JsonStyle, writeJson } from '../python/json.ts';
import { linesOf, pointsOf, SPACE, strip } from '../python/spaces.ts';
import { capitalized, centered, replaced } from '../python/string-methods.ts';
import { textOf } from '../python/text.ts';
import {
  isList,
  isNumber,
  Markup,
  PyDict,
  PyError,
  PyTuple,
  type PyList,
  type PyValue,
  stringOf,
  typeNameOf,
  Undefined,
} from '../python/values.ts';

export type Given = readonly (PyValue | undefined)[];
/** `names`: parameters behind the value, in their order. */
export type PlainFilter = readonly [names: readonly string[], run: (value: PyValue, given: Given) => PyValue];

const WORD_START = new RegExp(`([-${SPACE}({\\[<]+)`);
const NEEDS_TEXT = 'a text is needed';

export const TEXT_FILTERS: ReadonlyMap<string, PlainFilter> = new Map<string, PlainFilter>([
  ['string', [[], (value) => (value instanceof Markup ? value : textOf(value))]],
  ['safe', [[], (value) => new Markup(textOf(value))]],
  ['e', [[], (value) => new Markup(escapeHtml(value))]],
  ['escape', [[], (value) => new Markup(escapeHtml(value))]],
  ['forceescape', [[], (value) => new Markup(escapeHtml(textOf(value)))]],
  ['upper', [[], (value) => like(value, (text) => text.toUpperCase())]],
  ['lower', [[], (value) => like(value, (text) => text.toLowerCase())]],
  ['capitalize', [[], (value) => like(value, capitalized)]],
  ['title', [[], (value) => titled(textOf(value))]],
  ['trim', [['chars'], (value, [characters]) => like(value, (text) => strip(text, optionalText(characters)))]],
  ['replace', [['old', 'new', 'count'], replace]],
  ['center', [['width'], (value, [width]) => like(value, (text) => centered(text, width ?? 80n, undefined))]],
  ['indent', [['width', 'first', 'blank'], indent]],
  ['truncate', [['length', 'killwords', 'end', 'leeway'], truncate]],
  ['wordcount', [[], (value) => BigInt(textOf(value).match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)]],
  ['striptags', [[], (value) => stripTags(textOf(value))]],
  ['urlencode', [[], urlEncode]],
  ['tojson', [['ensure_ascii', 'indent', 'separators', 'sort_keys'], toJson]],
  ['int', [['default', 'base'], toInt]],
  ['float', [['default'], (value, [otherwise]) => floatOf(value) ?? otherwise ?? 0]],
  ['abs', [[], absolute]],
  ['round', [['precision', 'method'], round]],
  ['default', [['default_value', 'boolean'], otherwise]],
  ['d', [['default_value', 'boolean'], otherwise]],
]);

/** The `format` filter takes any number of values. */
export function format(value: PyValue, positional: PyList, named: ReadonlyMap<string, PyValue>): PyValue {
  return formatPercent(textOf(value), named.size > 0 ? PyDict.from(named) : new PyTuple(positional));
}

function like(value: PyValue, change: (text: string) => string): PyValue {
  return value instanceof Markup ? new Markup(change(value.text)) : change(textOf(value));
}

function optionalText(value: PyValue | undefined): string | undefined {
  return value === undefined || value === null ? undefined : textOf(value);
}

function titled(text: string): string {
  const parts = text.split(WORD_START).filter((part) => part !== '');
  return parts.map((part) => firstOf(part).toUpperCase() + part.slice(firstOf(part).length).toLowerCase()).join('');
}

function firstOf(text: string): string {
  return pointsOf(text)[0] ?? '';
}

function replace(value: PyValue, [old, made, count]: Given): PyValue {
  if (old === undefined || made === undefined) throw new PyError('TypeError', 'replace needs an old and a new text');
  const most = count === undefined || count === null || Number(count) < 0 ? undefined : Number(count);
  return replaced(textOf(value), textOf(old), textOf(made), most);
}

function indent(value: PyValue, [width = 4n, first = false, blank = false]: Given): PyValue {
  const text = requireText(value);
  const before = stringOf(width) ?? ' '.repeat(Number(width));
  const lines = linesOf(`${text}\n`);
  const made = lines
    .map((line, index) => (index > 0 && (line !== '' || isTrue(blank)) ? before + line : line))
    .join('\n');
  return like(value, () => (isTrue(first) ? before + made : made));
}

function requireText(value: PyValue): string {
  if (value instanceof Undefined) value.refuse();
  const text = stringOf(value);
  if (text === undefined) throw new PyError('TypeError', `${NEEDS_TEXT}, not ${typeNameOf(value)}`);
  return text;
}

function truncate(value: PyValue, [length = 255n, kill = false, end = '...', leeway = 5n]: Given): PyValue {
  const points = pointsOf(requireText(value));
  const tail = textOf(end);
  const slack = leeway === null ? 5 : Number(leeway);
  if (Number(length) < pointsOf(tail).length)
    throw new PyError('AssertionError', `expected length >= ${pointsOf(tail).length}, got ${textOf(length)}`);
  if (points.length <= Number(length) + slack) return value;
  const kept = points.slice(0, Number(length) - pointsOf(tail).length).join('');
  if (isTrue(kill)) return kept + tail;
  return (kept.includes(' ') ? kept.slice(0, kept.lastIndexOf(' ')) : kept) + tail;
}

function stripTags(text: string): string {
  const plain = text.replace(/<!--[^]*?-->/g, '').replace(/<[^>]*>/g, '');
  return strip(plain.replace(new RegExp(`[${SPACE}]+`, 'g'), ' '))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}

function urlEncode(value: PyValue): PyValue {
  if (!(value instanceof PyDict)) return urlText(textOf(value)).replaceAll('%2F', '/');
  const pairs = [...value.entries()].map((pair) => pair.map((part) => urlText(textOf(part)).replaceAll('%20', '+')));
  return pairs.map((pair) => pair.join('=')).join('&');
}

function urlText(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** As transformers sets it up: no escapes for HTML, characters stay as they are. */
function toJson(value: PyValue, [ascii = false, indent = null, separators = null, sortKeys = false]: Given): PyValue {
  const style = { ascii: isTrue(ascii), sortKeys: isTrue(sortKeys), ...separation(separators, indent) };
  return writeJson(value, { ...style, indent: indentation(indent) });
}

function indentation(indent: PyValue): string | undefined {
  if (indent === null) return undefined;
  return stringOf(indent) ?? ' '.repeat(Math.max(0, Number(indent)));
}

function separation(given: PyValue, indent: PyValue): Pick<JsonStyle, 'itemSeparator' | 'keySeparator'> {
  const parts = given instanceof PyTuple ? given.items : isList(given) ? given : undefined;
  if (parts === undefined) return { itemSeparator: indent === null ? ', ' : ',', keySeparator: ': ' };
  const [itemSeparator = '', keySeparator = ''] = parts.map(textOf);
  return { itemSeparator, keySeparator };
}

function toInt(value: PyValue, [otherwise = 0n, base = 10n]: Given): PyValue {
  if (value instanceof Undefined) value.refuse();
  const text = stringOf(value);
  const whole = text === undefined ? undefined : intOf(text, Number(base));
  if (whole !== undefined) return whole;
  const fraction = floatOf(value);
  if (typeof value === 'bigint') return value;
  return fraction === undefined || !Number.isFinite(fraction) ? otherwise : BigInt(Math.trunc(fraction));
}

function intOf(text: string, base: number): bigint | undefined {
  const plain = strip(text).replace(/(?<=[\da-z])_(?=[\da-z])/gi, '');
  if (base === 10) return /^[-+]?\d+$/.test(plain) ? BigInt(plain) : undefined;
  const digits = plain.replace(/^([-+]?)0[box]/i, '$1');
  const pattern = { 2: /^[-+]?[01]+$/, 8: /^[-+]?[0-7]+$/, 16: /^[-+]?[\da-f]+$/i }[base];
  if (pattern?.test(digits) !== true) return undefined;
  const size = BigInt(`0${{ 2: 'b', 8: 'o', 16: 'x' }[base] ?? ''}${digits.replace(/^[-+]/, '')}`);
  return digits.startsWith('-') ? -size : size;
}

function floatOf(value: PyValue): number | undefined {
  if (value instanceof Undefined) value.refuse();
  if (isNumber(value)) return Number(value);
  const text = stringOf(value);
  if (text === undefined) return undefined;
  const plain = strip(text)
    .toLowerCase()
    .replace(/(?<=\d)_(?=\d)/g, '');
  if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/.test(plain)) return Number(plain);
  const word = /^([-+]?)(inf(?:inity)?|nan)$/.exec(plain);
  if (word === null) return undefined;
  return (word[2] === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY) * (word[1] === '-' ? -1 : 1);
}

function absolute(value: PyValue): PyValue {
  if (value instanceof Undefined) value.refuse();
  if (!isNumber(value)) throw new PyError('TypeError', `bad operand type for abs(): '${typeNameOf(value)}'`);
  if (typeof value === 'number') return Math.abs(value);
  return compareNumbers(value, 0n) < 0 ? -BigInt(value) : BigInt(value);
}

function round(value: PyValue, [precision = 0n, method = 'common']: Given): PyValue {
  if (value instanceof Undefined) value.refuse();
  if (!isNumber(value)) throw new PyError('TypeError', `type ${typeNameOf(value)} doesn't define __round__ method`);
  const factor = 10 ** Number(precision);
  if (method === 'ceil') return Math.ceil(Number(value) * factor) / factor;
  if (method === 'floor') return Math.floor(Number(value) * factor) / factor;
  if (method !== 'common') throw new PyError('FilterArgumentError', 'method must be common, ceil or floor');
  return typeof value === 'number' ? nearest(value, Number(precision)) : BigInt(value);
}

/** Halves go to the even digit, judged by the exact value of the number. */
function nearest(value: number, digits: number): number {
  if (!Number.isFinite(value)) return value;
  if (digits < 0) {
    const unit = 10 ** -digits;
    return evenNearest(value / unit) * unit;
  }
  const exact = value.toFixed(Math.min(100, digits + 30));
  const cut = exact.slice(0, exact.length - 30);
  const isHalf = /^50*$/.test(exact.slice(-30)) && /[02468]\.?$/.test(cut);
  return isHalf ? Number(cut) : Number(value.toFixed(digits));
}

function evenNearest(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

function otherwise(value: PyValue, [given = '', boolean = false]: Given): PyValue {
  return value instanceof Undefined || (isTrue(boolean) && !isTrue(value)) ? given : value;
}

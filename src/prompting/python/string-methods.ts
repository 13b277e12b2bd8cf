// Owns the methods of `str`. Knows no template.
import { checkLength } from './arithmetic.ts';
import { iterate } from './order.ts';
import { isSpace, linesOf, pointCount, pointsOf, strip, stripLeft, stripRight, wordsOf } from './spaces.ts';
import { PyDict, PyError, PyTuple, type PyList, type PyValue, stringOf, typeNameOf } from './values.ts';

type Method = (text: string, given: PyList) => PyValue;

/** The method of that name; undefined where Python has none. `format` is bound where members are looked up. */
export function stringMethod(name: string): Method | undefined {
  return METHODS.get(name);
}

const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['strip', (text, [characters]) => strip(text, optional(characters))],
  ['lstrip', (text, [characters]) => stripLeft(text, optional(characters))],
  ['rstrip', (text, [characters]) => stripRight(text, optional(characters))],
  ['split', (text, [separator, most]) => split(text, optional(separator), limitOf(most))],
  ['rsplit', (text, [separator, most]) => splitRight(text, optional(separator), limitOf(most))],
  ['splitlines', (text, [keepEnds]) => linesOf(text, keepEnds === true)],
  ['upper', (text) => text.toUpperCase()],
  ['lower', (text) => text.toLowerCase()],
  ['casefold', (text) => text.toLowerCase().replaceAll('ß', 'ss')],
  ['capitalize', (text) => capitalized(text)],
  ['title', (text) => text.replace(/\p{L}+/gu, capitalized)],
  ['swapcase', (text) => pointsOf(text).map(swapCase).join('')],
  ['startswith', (text, given) => someOf(given, (part) => between(text, given).startsWith(part))],
  ['endswith', (text, given) => someOf(given, (part) => between(text, given).endsWith(part))],
  ['replace', (text, [old, made, count]) => replaced(text, required(old), required(made), limitOf(count))],
  ['find', (text, given) => find(text, given, (whole, part) => whole.indexOf(part))],
  ['rfind', (text, given) => find(text, given, (whole, part) => whole.lastIndexOf(part))],
  ['index', (text, given) => found(find(text, given, (whole, part) => whole.indexOf(part)))],
  ['rindex', (text, given) => found(find(text, given, (whole, part) => whole.lastIndexOf(part)))],
  ['count', (text, given) => BigInt(between(text, given).split(required(given[0])).length - 1)],
  ['join', (text, [items]) => joined(text, items ?? null)],
  ['partition', (text, [separator]) => partition(text, required(separator), text.indexOf(required(separator)))],
  ['rpartition', (text, [separator]) => partitionRight(text, required(separator))],
  ['removeprefix', (text, [part]) => (text.startsWith(required(part)) ? text.slice(required(part).length) : text)],
  ['removesuffix', (text, [part]) => withoutEnd(text, required(part))],
  ['zfill', (text, [width]) => text.replace(/^[-+]?/, (sign) => sign + '0'.repeat(missing(text, width)))],
  ['ljust', (text, [width, fill]) => text + filling(fill, missing(text, width))],
  ['rjust', (text, [width, fill]) => filling(fill, missing(text, width)) + text],
  ['center', (text, [width, fill]) => centered(text, width, fill)],
  ['expandtabs', (text) => text.split('\n').map(withoutTabs).join('\n')],
  ['isspace', (text) => isSpace(text)],
  ['isdigit', (text) => /^[\p{Nd}²³¹]+$/u.test(text)],
  ['isdecimal', (text) => /^\p{Nd}+$/u.test(text)],
  ['isnumeric', (text) => /^\p{N}+$/u.test(text)],
  ['isalpha', (text) => /^\p{L}+$/u.test(text)],
  ['isalnum', (text) => /^[\p{L}\p{N}]+$/u.test(text)],
  ['isupper', (text) => text === text.toUpperCase() && text !== text.toLowerCase()],
  ['islower', (text) => text === text.toLowerCase() && text !== text.toUpperCase()],
  ['istitle', (text) => /\p{L}/u.test(text) && text === text.replace(/\p{L}+/gu, capitalized)],
  ['isascii', (text) => pointsOf(text).every((point) => point <= '\u007f')],
  ['isidentifier', (text) => /^[\p{L}_][\p{L}\p{N}_]*$/u.test(text)],
]);

function optional(value: PyValue | undefined): string | undefined {
  return value === undefined || value === null ? undefined : required(value);
}

function required(value: PyValue | undefined): string {
  const text = value === undefined ? undefined : stringOf(value);
  if (text === undefined) throw new PyError('TypeError', `must be str, not ${typeNameOf(value ?? null)}`);
  return text;
}

function limitOf(value: PyValue | undefined): number {
  return value === undefined || value === null || Number(value) < 0 ? Number.POSITIVE_INFINITY : Number(value);
}

export function capitalized(text: string): string {
  const [first = '', ...rest] = pointsOf(text);
  return titleOf(first) + rest.join('').toLowerCase();
}

/** A character that stands for two begins a word with one large letter. */
function titleOf(point: string): string {
  const at = 'ǆǉǌǳǄǇǊǱ'.indexOf(point);
  if (point !== '' && at !== -1) return 'ǅǈǋǲ'[at % 4] ?? point;
  const [head = '', ...tail] = pointsOf(point.toUpperCase());
  return head + tail.join('').toLowerCase();
}

function swapCase(point: string): string {
  return point === point.toUpperCase() ? point.toLowerCase() : point.toUpperCase();
}

function split(text: string, separator: string | undefined, most: number): PyList {
  if (separator === undefined) return splitBlank(text, most);
  if (separator === '') throw new PyError('ValueError', 'empty separator');
  const parts = text.split(separator);
  return parts.length <= most + 1 ? parts : [...parts.slice(0, most), parts.slice(most).join(separator)];
}

function splitBlank(text: string, most: number): PyList {
  const words = wordsOf(text);
  if (words.length <= most) return words;
  let rest = stripLeft(text);
  for (const word of words.slice(0, most)) rest = stripLeft(rest.slice(word.length));
  return rest === '' ? words.slice(0, most) : [...words.slice(0, most), rest];
}

function splitRight(text: string, separator: string | undefined, most: number): PyList {
  if (separator === undefined) {
    const turned = splitBlank(turn(text), most).map((part) => turn(required(part)));
    return turned.toReversed();
  }
  const parts = split(text, separator, Number.POSITIVE_INFINITY).map(required);
  if (parts.length <= most + 1) return parts;
  return [parts.slice(0, parts.length - most).join(separator), ...parts.slice(parts.length - most)];
}

function turn(text: string): string {
  return pointsOf(text).toReversed().join('');
}

function someOf([parts]: PyList, test: (part: string) => boolean): boolean {
  return parts instanceof PyTuple ? parts.items.some((part) => test(required(part))) : test(required(parts));
}

/** The part of the text that optional second and third arguments name. */
function between(text: string, [, start, end]: PyList): string {
  if (start === undefined) return text;
  const points = pointsOf(text);
  return points.slice(Number(start), end === undefined || end === null ? points.length : Number(end)).join('');
}

export function replaced(text: string, old: string, made: string, most = Number.POSITIVE_INFINITY): string {
  if (old === '') {
    const points = pointsOf(text);
    return (
      points.map((point, index) => (index < most ? made : '') + point).join('') + (points.length < most ? made : '')
    );
  }
  const parts = text.split(old);
  checkLength(text.length + parts.length * made.length);
  if (parts.length - 1 <= most) return parts.join(made);
  return [...parts.slice(0, most), parts.slice(most).join(old)].join(made);
}

function find(text: string, given: PyList, search: (whole: string, part: string) => number): bigint {
  const at = search(between(text, given), required(given[0]));
  if (at === -1) return -1n;
  const start = given[1] === undefined ? 0 : Number(given[1]);
  const offset = start < 0 ? Math.max(0, pointCount(text) + start) : start;
  return BigInt(pointCount(between(text, given).slice(0, at)) + offset);
}

function found(at: bigint): bigint {
  if (at === -1n) throw new PyError('ValueError', 'substring not found');
  return at;
}

function joined(text: string, items: PyValue): string {
  return Array.from(iterate(items), (item, index) => {
    const part = stringOf(item);
    if (part !== undefined) return part;
    throw new PyError('TypeError', `sequence item ${index}: expected str instance, ${typeNameOf(item)} found`);
  }).join(text);
}

function partition(text: string, separator: string, at: number): PyTuple {
  if (at === -1) return new PyTuple([text, '', '']);
  return new PyTuple([text.slice(0, at), separator, text.slice(at + separator.length)]);
}

function partitionRight(text: string, separator: string): PyTuple {
  const at = text.lastIndexOf(separator);
  return at === -1 ? new PyTuple(['', '', text]) : partition(text, separator, at);
}

function withoutEnd(text: string, part: string): string {
  return part !== '' && text.endsWith(part) ? text.slice(0, -part.length) : text;
}

function missing(text: string, width: PyValue | undefined): number {
  const count = Math.max(0, Number(width ?? 0) - pointCount(text));
  checkLength(count);
  return count;
}

function filling(fill: PyValue | undefined, count: number): string {
  return (optional(fill) ?? ' ').repeat(count);
}

/** Python puts the odd space on the left if the width is odd. */
export function centered(text: string, width: PyValue | undefined, fill: PyValue | undefined): string {
  const count = missing(text, width);
  const left = Math.floor(count / 2) + (count & Number(width ?? 0) & 1);
  return filling(fill, left) + text + filling(fill, count - left);
}

function withoutTabs(line: string): string {
  return line.replace(/\t/g, (_, at: number, whole: string) => {
    const before = withoutTabs(whole.slice(0, at));
    return ' '.repeat(8 - (before.length % 8));
  });
}

/** Methods of `dict` and of sequences; those that change their object are refused, as in the sandbox of Jinja. */
export function dictMethod(dict: PyDict, name: string): ((given: PyList) => PyValue) | undefined {
  switch (name) {
    case 'items':
      return () => [...dict.entries()].map((entry) => new PyTuple(entry));
    case 'keys':
      return () => dict.keys();
    case 'values':
      return () => dict.values();
    case 'copy':
      return () => PyDict.from(dict.entries());
    case 'get':
      return ([key, otherwise]) => (dict.has(key ?? null) ? dict.get(key ?? null) : otherwise) ?? null;
    default:
      return undefined;
  }
}

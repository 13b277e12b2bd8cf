// Owns how Python prints a value: `str` and `repr`. Knows no template.
import {
  isList,
  Markup,
  PyDict,
  PyError,
  PyFunction,
  PyIterator,
  PyObject,
  PyRange,
  PyTuple,
  type PyValue,
  stringOf,
  Undefined,
} from './values.ts';

const DEEPEST = 200;
const ESCAPES: Readonly<Record<string, string>> = { '\n': String.raw`\n`, '\r': String.raw`\r`, '\t': String.raw`\t` };
/** What `repr` writes as an escape: controls, separators, what has no character, and halves of pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}]/u;
const MAY_NEED_ESCAPE = /[^ -~]|\\/;

/** `str(value)`. */
export function textOf(value: PyValue): string {
  return stringOf(value) ?? (value instanceof Undefined ? '' : reprOf(value));
}

/** `repr(value)`. */
export function reprOf(value: PyValue, depth = 0): string {
  if (depth > DEEPEST) throw new PyError('RecursionError', 'the value is nested too deeply to be printed');
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return floatText(value);
  if (typeof value === 'string') return quoted(value);
  return containerText(value, depth + 1);
}

function containerText(value: Exclude<PyValue, string | number | bigint | boolean | null>, depth: number): string {
  if (isList(value)) return `[${value.map((item) => reprOf(item, depth)).join(', ')}]`;
  if (value instanceof PyTuple) return tupleText(value, depth);
  if (value instanceof PyDict)
    return `{${[...value.entries()].map(([key, item]) => `${reprOf(key, depth)}: ${reprOf(item, depth)}`).join(', ')}}`;
  if (value instanceof Markup) return `Markup(${quoted(value.text)})`;
  if (value instanceof Undefined) return 'Undefined';
  if (value instanceof PyRange) return rangeText(value);
  if (value instanceof PyFunction) return `<${value.members.size > 0 ? 'Macro' : 'function'} ${quoted(value.name)}>`;
  if (value instanceof PyObject) return value.text();
  if (value instanceof PyIterator) return viewText(value);
  throw new PyError('TypeError', 'the value cannot be printed');
}

/** A generator prints its address, which is never the same: nobody can mean it. */
function viewText(value: PyIterator): string {
  throw new PyError('TypeError', `a ${value.name} object was printed; make it a list first: | list`);
}

function tupleText({ items }: PyTuple, depth: number): string {
  const text = items.map((item) => reprOf(item, depth)).join(', ');
  return items.length === 1 ? `(${text},)` : `(${text})`;
}

function rangeText({ start, stop, step }: PyRange): string {
  return step === 1n ? `range(${start}, ${stop})` : `range(${start}, ${stop}, ${step})`;
}

/** The shortest digits that give the same number back, with Python's choice of the form. */
export function floatText(value: number): string {
  if (!Number.isFinite(value) || value === 0) return specialFloat(value);
  const [digits = '', power = ''] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16)
    return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  const plain = exponent < 0 ? value.toFixed(digitsAfterPoint(digits, exponent)) : String(value);
  return plain.includes('.') ? plain : `${plain}.0`;
}

function specialFloat(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  return value > 0 ? 'inf' : '-inf';
}

function digitsAfterPoint(digits: string, exponent: number): number {
  return digits.replace('-', '').replace('.', '').length - 1 - exponent;
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const body = MAY_NEED_ESCAPE.test(text) ? Array.from(text, escapePoint).join('') : text;
  return `${quote}${quote === "'" ? body.replaceAll("'", String.raw`\'`) : body}${quote}`;
}

function escapePoint(point: string): string {
  if (point === '\\') return '\\\\';
  if (point === ' ' || (point >= '!' && point <= '~')) return point;
  const known = ESCAPES[point];
  if (known !== undefined) return known;
  if (!UNPRINTABLE.test(point)) return point;
  const code = point.codePointAt(0) ?? 0;
  if (code <= 0xff) return String.raw`\x${code.toString(16).padStart(2, '0')}`;
  return code <= 0xffff
    ? String.raw`\u${code.toString(16).padStart(4, '0')}`
    : String.raw`\U${code.toString(16).padStart(8, '0')}`;
}

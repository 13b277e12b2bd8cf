// Owns texts with places in them: `'%s' % value` and `'{}'.format(value)`. Knows no template.
import { isTrue } from './order.ts';
import { pointCount, pointsOf } from './spaces.ts';
import { floatText, reprOf, textOf } from './text.ts';
import { isNumber, type Keywords, PyDict, PyError, type PyList, PyTuple, type PyValue, typeNameOf } from './values.ts';

const PLACE = /%(?:\((?<key>[^)]*)\))?(?<flags>[-+ 0#]*)(?<width>\d+)?(?:\.(?<digits>\d+))?(?<type>[a-zA-Z%])/g;
const BRACES = /\{\{|\}\}|\{(?<name>[^{}:!]*)(?:!(?<turn>[rsa]))?(?::(?<spec>[^{}]*))?\}/g;
const SPEC =
  /^(?:(?<fill>.)?(?<align>[<>^=]))?(?<plus>[-+ ]?)(?<zero>0?)(?<width>\d*)(?<comma>,?)(?:\.(?<digits>\d+))?(?<type>[a-zA-Z%]?)$/su;

export function formatPercent(text: string, given: PyValue): string {
  const values = given instanceof PyTuple ? [...given.items] : [given];
  let used = 0;
  const made = text.replace(PLACE, (...found) => {
    const groups = found.at(-1) as Partial<Record<string, string>>;
    if (groups['type'] === '%') return '%';
    const value = groups['key'] === undefined ? values[used++] : memberOf(given, groups['key']);
    if (value === undefined) throw new PyError('TypeError', 'not enough arguments for format string');
    return padPercent(groups, percentText(groups['type'] ?? 's', groups['digits'], value));
  });
  if (used < values.length && !(given instanceof PyDict))
    throw new PyError('TypeError', 'not all arguments converted during string formatting');
  return made;
}

function memberOf(given: PyValue, key: string): PyValue {
  if (!(given instanceof PyDict)) throw new PyError('TypeError', 'format requires a mapping');
  const value = given.get(key);
  if (value === undefined) throw new PyError('KeyError', reprOf(key));
  return value;
}

function percentText(type: string, digits: string | undefined, value: PyValue): string {
  if (type === 's') return cut(textOf(value), digits);
  if (type === 'r') return cut(reprOf(value), digits);
  if (!isNumber(value))
    throw new PyError('TypeError', `%${type} format: a real number is required, not ${typeNameOf(value)}`);
  if ('diu'.includes(type)) return wholeOf(value).toString();
  return numberText(type, digits, value);
}

function wholeOf(value: boolean | bigint | number): bigint {
  return BigInt(typeof value === 'number' ? Math.trunc(value) : value);
}

function cut(text: string, digits: string | undefined): string {
  return digits === undefined ? text : pointsOf(text).slice(0, Number(digits)).join('');
}

function numberText(type: string, digits: string | undefined, value: boolean | bigint | number): string {
  const places = digits === undefined ? 6 : Number(digits);
  if (type === 'x' || type === 'X' || type === 'o' || type === 'b') {
    const text = wholeOf(value).toString({ x: 16, X: 16, o: 8, b: 2 }[type]);
    return type === 'X' ? text.toUpperCase() : text;
  }
  if (type === 'f' || type === 'F') return Number(value).toFixed(places);
  if (type === 'e' || type === 'E')
    return Number(value)
      .toExponential(places)
      .replace(/e([-+])(\d)$/, 'e$10$2');
  if (type === 'g') return generalText(Number(value), places);
  throw new PyError('ValueError', `unsupported format character '${type}'`);
}

function generalText(value: number, digits: number): string {
  const places = digits === 0 ? 1 : digits;
  const exponent = value === 0 ? 0 : Number(value.toExponential(places - 1).split('e')[1]);
  if (exponent >= -4 && exponent < places) return trimZeros(value.toFixed(places - 1 - exponent));
  const [body = '', power = ''] = value.toExponential(places - 1).split('e');
  return `${trimZeros(body)}e${power.replace(/^([-+])(\d)$/, '$10$2')}`;
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function padPercent({ flags = '', width, type = '' }: Partial<Record<string, string>>, text: string): string {
  const isNumeric = !'sr'.includes(type);
  const signed =
    isNumeric && !text.startsWith('-') && /[+ ]/.test(flags) ? (flags.includes('+') ? '+' : ' ') + text : text;
  const missing = Number(width ?? 0) - pointCount(signed);
  if (missing <= 0) return signed;
  if (flags.includes('-')) return signed + ' '.repeat(missing);
  return isNumeric && flags.includes('0') ? zeros(signed, missing) : ' '.repeat(missing) + signed;
}

function zeros(text: string, missing: number): string {
  const start = /^[-+ ]/.test(text) ? 1 : 0;
  return text.slice(0, start) + '0'.repeat(missing) + text.slice(start);
}

type Look = (value: PyValue, part: string, isItem: boolean) => PyValue;

/** `look`: reads a member of a value, for places such as `{0.name}` and `{0[key]}`. */
export function formatBraces(text: string, positional: PyList, named: Keywords, look: Look): string {
  let next = 0;
  return text.replace(BRACES, (...found) => {
    const [whole] = found;
    if (whole === '{{' || whole === '}}') return whole.slice(1);
    const { name = '', turn, spec = '' } = found.at(-1) as Partial<Record<string, string>>;
    const [, first = '', rest = ''] = /^([^.[]*)(.*)$/s.exec(name) ?? [];
    const value = walk(pick(first === '' ? String(next++) : first, positional, named), rest, look);
    return formatSpec(turned(value, turn), spec);
  });
}

function walk(start: PyValue, path: string, look: Look): PyValue {
  let value = start;
  for (const [, attribute, item] of path.matchAll(/\.([^.[]+)|\[([^\]]+)\]/g))
    value = look(value, attribute ?? item ?? '', attribute === undefined);
  return value;
}

function turned(value: PyValue, turn: string | undefined): PyValue {
  if (turn === undefined) return value;
  return turn === 's' ? textOf(value) : reprOf(value);
}

function pick(name: string, positional: PyList, named: Keywords): PyValue {
  const value = /^\d+$/.test(name) ? positional[Number(name)] : named.get(name);
  if (value !== undefined) return value;
  if (/^\d+$/.test(name)) throw new PyError('IndexError', 'Replacement index out of range for positional args tuple');
  throw new PyError('KeyError', reprOf(name));
}

function formatSpec(value: PyValue, spec: string): string {
  if (spec === '') return textOf(value);
  const parts = SPEC.exec(spec)?.groups;
  if (parts === undefined) throw new PyError('ValueError', `Invalid format specifier '${spec}'`);
  const text = specText(value, parts);
  const isNumeric = isNumber(value) && typeof value !== 'boolean';
  const sign = isNumeric && !text.startsWith('-') && /[+ ]/.test(parts['plus'] ?? '') ? (parts['plus'] ?? '') : '';
  return align(sign + text, parts, isNumeric);
}

function specText(value: PyValue, { type = '', digits, comma = '' }: Partial<Record<string, string>>): string {
  if (!isNumber(value) || (typeof value === 'boolean' && type === '')) return cut(textOf(value), digits);
  if (type === '%') return `${(Number(value) * 100).toFixed(digits === undefined ? 6 : Number(digits))}%`;
  const text = specNumber(value, type, digits);
  return comma === '' ? text : text.replace(/^(-?\d+)/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ','));
}

function specNumber(value: boolean | bigint | number, type: string, digits: string | undefined): string {
  if (type === 'd') {
    if (typeof value === 'number')
      throw new PyError('ValueError', "Unknown format code 'd' for object of type 'float'");
    return BigInt(value).toString();
  }
  if (type !== '') return numberText(type, digits, value);
  if (typeof value !== 'number') return BigInt(value).toString();
  return digits === undefined ? floatText(value) : generalText(value, Number(digits));
}

function align(text: string, parts: Partial<Record<string, string>>, isNumeric: boolean): string {
  const missing = Number(parts['width'] === '' ? 0 : parts['width']) - pointCount(text);
  if (missing <= 0) return text;
  if (isTrue(parts['zero'] ?? '') && parts['align'] === undefined) return zeros(text, missing);
  const fill = parts['fill'] ?? ' ';
  const side = parts['align'] ?? (isNumeric ? '>' : '<');
  if (side === '<') return text + fill.repeat(missing);
  if (side === '>' || side === '=') return fill.repeat(missing) + text;
  const left = Math.floor(missing / 2);
  return fill.repeat(left) + text + fill.repeat(missing - left);
}

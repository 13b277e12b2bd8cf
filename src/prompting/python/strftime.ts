// Owns a time as text by Python's letters, in English and in local time. Knows no template.

const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/** Letters that are not known stay as they are. */
export function strftime(time: Date, format: string): string {
  return format.replace(/%(-?)([a-zA-Z%])/g, (whole, bare: string, letter: string) => {
    const text = LETTERS.get(letter)?.(time);
    if (text === undefined) return whole;
    return bare === '' ? text : text.replace(/^[0 ]+(?=.)/, '');
  });
}

const LETTERS: ReadonlyMap<string, (time: Date) => string> = new Map<string, (time: Date) => string>([
  ['Y', (time) => String(time.getFullYear())],
  ['y', (time) => two(time.getFullYear() % 100)],
  ['m', (time) => two(time.getMonth() + 1)],
  ['d', (time) => two(time.getDate())],
  ['e', (time) => String(time.getDate()).padStart(2)],
  ['H', (time) => two(time.getHours())],
  ['I', (time) => two(time.getHours() % 12 || 12)],
  ['M', (time) => two(time.getMinutes())],
  ['S', (time) => two(time.getSeconds())],
  ['f', (time) => String(time.getMilliseconds() * 1000).padStart(6, '0')],
  ['p', (time) => (time.getHours() < 12 ? 'AM' : 'PM')],
  ['B', (time) => MONTHS[time.getMonth()] ?? ''],
  ['b', (time) => (MONTHS[time.getMonth()] ?? '').slice(0, 3)],
  ['A', (time) => DAYS[time.getDay()] ?? ''],
  ['a', (time) => (DAYS[time.getDay()] ?? '').slice(0, 3)],
  ['w', (time) => String(time.getDay())],
  ['u', (time) => String(time.getDay() || 7)],
  ['j', (time) => String(dayOfYear(time)).padStart(3, '0')],
  ['F', (time) => strftime(time, '%Y-%m-%d')],
  ['T', (time) => strftime(time, '%H:%M:%S')],
  ['D', (time) => strftime(time, '%m/%d/%y')],
  ['Z', () => ''],
  ['z', () => ''],
  ['n', () => '\n'],
  ['t', () => '\t'],
  ['%', () => '%'],
]);

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function dayOfYear(time: Date): number {
  const day = Date.UTC(time.getFullYear(), time.getMonth(), time.getDate());
  return Math.round((day - Date.UTC(time.getFullYear(), 0, 1)) / 86_400_000) + 1;
}

// Owns the flags that say what a key may use and how long. Knows no key.
import { CaissonError } from '../../base/errors.ts';
import { type KeyChange, type KeyLimits, REQUEST_CLASSES } from '../../contracts/accounts.ts';
import { type FlagKind, type Flags, textFlag } from '../context.ts';

export const LIMIT_FLAGS = {
  models: { type: 'string', value: 'A,B', help: 'models it may use; NAME* means all that begin so (all)' },
  rpm: { type: 'string', value: 'N', help: 'requests a minute' },
  tpm: { type: 'string', value: 'N', help: 'tokens a minute, prompt and completion together' },
  streams: { type: 'string', value: 'N', help: 'requests at the same time' },
  'daily-tokens': { type: 'string', value: 'N', help: 'tokens a day (UTC)' },
  'daily-gpu-seconds': { type: 'string', value: 'N', help: 'GPU seconds a day (UTC)' },
  hard: { type: 'boolean', help: 'over a daily budget requests are refused (default)' },
  soft: { type: 'boolean', help: 'over a daily budget there is only a warning header' },
  class: { type: 'string', value: 'CLASS', help: `${REQUEST_CLASSES.join(' or ')}: who goes first at a full engine` },
} as const satisfies Readonly<Record<string, FlagKind>>;

const DAY_MS = 86_400_000;
const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: DAY_MS };

/** The limits with a flag that takes a value. */
const NAMES: readonly (readonly [flag: string, name: keyof KeyLimits])[] = [
  ['models', 'models'],
  ['rpm', 'requestsPerMinute'],
  ['tpm', 'tokensPerMinute'],
  ['streams', 'streams'],
  ['daily-tokens', 'dailyTokens'],
  ['daily-gpu-seconds', 'dailyGpuSeconds'],
  ['class', 'class'],
];
const NONE = 'none';

/** Of a new key; undefined if no flag sets a limit. Throws `usage`. */
export function limitsOf(flags: Flags): KeyLimits | undefined {
  const limits = settingsOf(flags);
  if (limits.budget !== undefined && limits.dailyTokens === undefined && limits.dailyGpuSeconds === undefined)
    throw new CaissonError('usage', `--${limits.budget} needs --daily-tokens or --daily-gpu-seconds`);
  return Object.keys(limits).length === 0 ? undefined : limits;
}

/** Of a key that is there: `none` takes a limit, or the end of the key, away. `now`: milliseconds since 1970. Throws `usage`. */
export function changeOf(flags: Flags, now: number): KeyChange {
  const gone = NAMES.filter(([flag]) => textFlag(flags, flag) === NONE);
  const rest = Object.entries(flags).filter(([flag]) => !gone.some(([name]) => name === flag));
  const set = settingsOf(Object.fromEntries(rest));
  const limits = { ...set, ...Object.fromEntries(gone.map(([, name]) => [name, null])) };
  const isEndless = textFlag(flags, 'expires') === NONE && textFlag(flags, 'days') === undefined;
  const change: KeyChange = {
    ...(isEndless ? { expiresAt: null } : expiryOf(flags, now)),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
  if (Object.keys(change).length > 0) return change;
  throw new CaissonError('usage', 'caisson keys limit ID needs what is to change, such as --rpm 60 or --rpm none');
}

/** The end of a key; none where no flag says. `now`: milliseconds since 1970. Throws `usage`. */
export function expiryOf(flags: Flags, now: number): { readonly expiresAt?: number } {
  const [days, expires] = [textFlag(flags, 'days'), textFlag(flags, 'expires')];
  if (days !== undefined && expires !== undefined)
    throw new CaissonError('usage', '--days and --expires exclude each other');
  if (expires !== undefined) return { expiresAt: momentOf('expires', expires, now, 1) };
  return days === undefined ? {} : { expiresAt: now + daysOf(days) * DAY_MS };
}

function daysOf(text: string): number {
  const days = Number(text);
  if (!Number.isFinite(days) || days <= 0) throw usage('days', text, 'give a number above 0');
  return days;
}

function settingsOf(flags: Flags): KeyLimits {
  return {
    ...modelsPart(flags),
    ...wholePart(flags, 'rpm', 'requestsPerMinute'),
    ...wholePart(flags, 'tpm', 'tokensPerMinute'),
    ...wholePart(flags, 'streams', 'streams'),
    ...wholePart(flags, 'daily-tokens', 'dailyTokens'),
    ...gpuPart(flags),
    ...budgetPart(flags),
    ...classPart(flags),
  };
}

/** Milliseconds of `90m`, `24h` or `7d`. Throws `usage`. */
export function durationOf(flag: string, text: string): number {
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)([mhd])$/.exec(text) ?? [];
  const milliseconds = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (number === '' || !Number.isFinite(milliseconds))
    throw usage(flag, text, 'give minutes, hours or days: 90m, 24h, 7d');
  return Math.round(milliseconds);
}

/** A moment, as a date or as a time from now: `30d` ahead, or back for the direction -1. Throws `usage`. */
export function momentOf(flag: string, text: string, now: number, direction: 1 | -1): number {
  if (/^\d+(?:\.\d+)?[a-z]$/i.test(text)) return now + direction * durationOf(flag, text);
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw usage(flag, text, 'give a date such as 2026-12-31, or a span of time: 30d');
  return time;
}

function modelsPart(flags: Flags): Pick<KeyLimits, 'models'> {
  const models = textFlag(flags, 'models')
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (models === undefined) return {};
  if (models.length === 0) throw new CaissonError('usage', '--models: give at least one name');
  return { models };
}

function wholePart<Name extends keyof KeyLimits>(flags: Flags, flag: string, name: Name): { [Key in Name]?: number } {
  const text = textFlag(flags, flag);
  if (text === undefined) return {};
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw usage(flag, text, 'give a whole number above 0');
  return { [name]: value } as { [Key in Name]?: number };
}

function gpuPart(flags: Flags): Pick<KeyLimits, 'dailyGpuSeconds'> {
  const text = textFlag(flags, 'daily-gpu-seconds');
  if (text === undefined) return {};
  const dailyGpuSeconds = Number(text);
  if (!(dailyGpuSeconds > 0) || dailyGpuSeconds === Infinity)
    throw usage('daily-gpu-seconds', text, 'give a number above 0');
  return { dailyGpuSeconds };
}

function budgetPart(flags: Flags): Pick<KeyLimits, 'budget'> {
  const [hard, soft] = [flags['hard'] === true, flags['soft'] === true];
  if (hard && soft) throw new CaissonError('usage', '--hard and --soft exclude each other');
  if (!hard && !soft) return {};
  return { budget: hard ? 'hard' : 'soft' };
}

function classPart(flags: Flags): Pick<KeyLimits, 'class'> {
  const text = textFlag(flags, 'class');
  if (text === undefined) return {};
  const found = REQUEST_CLASSES.find((name) => name === text);
  if (found === undefined) throw usage('class', text, `the classes are ${REQUEST_CLASSES.join(', ')}`);
  return { class: found };
}

function usage(flag: string, text: string, words: string): CaissonError {
  return new CaissonError('usage', `--${flag} ${text}: ${words}`);
}

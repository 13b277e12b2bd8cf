// Owns who may do what, how much of it, and what was used. Knows no key material and no table.
export const ROLES = ['client', 'author', 'approver', 'auditor', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** Who goes first where requests wait for an engine. */
export const REQUEST_CLASSES = ['interactive', 'batch'] as const;
export type RequestClass = (typeof REQUEST_CLASSES)[number];

/** What a key may use; what is absent has no limit. Keys that were rotated share it. */
export interface KeyLimits {
  /** Names of models; one that ends in `*` means all that begin so. */
  readonly models?: readonly string[];
  readonly requestsPerMinute?: number;
  /** Prompt and completion together. */
  readonly tokensPerMinute?: number;
  /** Requests at the same time, waiting ones included. */
  readonly streams?: number;
  /** From midnight to midnight UTC; prompt and completion together. */
  readonly dailyTokens?: number;
  /** Seconds of a request × GPUs of its engine ÷ requests that ran there at once. */
  readonly dailyGpuSeconds?: number;
  /** `soft`: over a daily budget there is only a warning. Absent: hard. */
  readonly budget?: 'hard' | 'soft';
  /** `batch`: all its requests are. Otherwise those that say so are. */
  readonly class?: RequestClass;
}

/** Who speaks: a key, or the owner of the machine on the unix socket. */
export interface Principal {
  /** The same for all keys of one line of rotations. */
  readonly id: string;
  readonly name: string;
  readonly team: string;
  readonly roles: readonly Role[];
  readonly limits?: KeyLimits;
}

export interface KeyRecord {
  readonly id: string;
  readonly name: string;
  readonly team: string;
  readonly roles: readonly Role[];
  /** First characters of the key, in clear. */
  readonly prefix: string;
  readonly createdAt: number;
  readonly expiresAt?: number;
  readonly revokedAt?: number;
  /** The first key of its line, where it came by rotation: limits, usage and runs belong to that. */
  readonly account?: string;
  readonly limits?: KeyLimits;
}

export interface NewKeyRequest {
  readonly name: string;
  readonly team: string;
  readonly roles: readonly Role[];
  /** Milliseconds since 1970. */
  readonly expiresAt?: number;
  readonly limits?: KeyLimits;
}

export interface KeyRotation {
  /** The old key is good for so long, and never longer than it was. */
  readonly overlapMs: number;
  /** Of the new key, in milliseconds since 1970. Absent: it lives as long as the old one was made for. */
  readonly expiresAt?: number;
}

/** What is absent stays as it is; null takes it away. */
export interface KeyChange {
  /** Of this key alone, in milliseconds since 1970. */
  readonly expiresAt?: number | null;
  /** Of all keys of its line. */
  readonly limits?: { readonly [Name in keyof KeyLimits]?: KeyLimits[Name] | null };
}

export type KeySetting = string | number | readonly string[] | null;

export interface ChangedKey {
  readonly record: KeyRecord;
  /** What is otherwise than before, by the name of the limit, or `expiresAt`. Null: there was none, or there is none now. */
  readonly changes: readonly { readonly name: string; readonly from: KeySetting; readonly to: KeySetting }[];
}

/** The key is in the answer and nowhere else. */
export interface MadeKey {
  readonly key: string;
  readonly record: KeyRecord;
}

export const USAGE_VIEWS = ['key', 'team', 'model', 'run', 'day'] as const;
export type UsageView = (typeof USAGE_VIEWS)[number];

export interface UsageQuery {
  /** Milliseconds since 1970, by whole minutes: from the one of `from` to before the one of `to`. */
  readonly from: number;
  readonly to: number;
  readonly by: UsageView;
  /** Only what this account used. */
  readonly account?: string;
}

export interface UsageSums {
  readonly requests: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** Of the prompt tokens, those the engine had ready. */
  readonly cachedTokens: number;
  readonly gpuSeconds: number;
}

/** The sums are of answers that came whole and whose engine said what they used. */
export interface UsageLine extends UsageSums {
  /** Id of the key, name of the team or model, id of the run, or the day as 2026-01-31. */
  readonly of: string;
  /** Of the key. */
  readonly name?: string;
  /** Apart from the rest: answers that were cut, or whose engine did not say. */
  readonly estimated: UsageSums;
}

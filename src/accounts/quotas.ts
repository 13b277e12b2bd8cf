// Owns the limits of accounts: who may come in now, and what is left to whom. Knows no HTTP, no engine and no queue.
import type { Clock } from '../base/clock.ts';
import { CaissonError } from '../base/errors.ts';
import type { KeyLimits, Principal } from '../contracts/accounts.ts';
import type { Store } from '../store/open.ts';
import type { Standing as StoredStanding } from '../store/usage.ts';
import { type Budget, createBudget, secondsToNextDay } from './budget.ts';
import { MINUTE_MS, minuteOf, type UsageLog } from './usage.ts';
import { createWindow, ROUNDING, type Window } from './window.ts';

/** Of one limit per minute. */
export interface Rate {
  readonly limit: number;
  readonly remaining: number;
  /** Until all of it is free again. */
  readonly resetMs: number;
}

/** What is left of the limits that are set, after the request that asks. */
export interface Standing {
  readonly requests?: Rate;
  readonly tokens?: Rate;
  /** A daily budget that is only watched is used up: in words. */
  readonly warning?: string;
}

export interface Spent {
  readonly tokens: number;
  readonly gpuSeconds: number;
}

/** One request that was let in. */
export interface Visit {
  /** The request has ended. Only the first call counts. */
  end(spent: Spent): void;
}

export type Entry =
  | { readonly ok: true; readonly standing: Standing; readonly visit: Visit }
  | { readonly ok: false; readonly standing: Standing; readonly error: CaissonError };

export interface Quotas {
  /** `promptTokens`: a guess, held back until the request has ended. Nothing of a request that is refused counts. */
  enter(principal: Principal, wish: { readonly model: string; readonly promptTokens: number }): Promise<Entry>;
  /** Takes what a run used from the daily budgets of its owner. */
  charge(account: string, spent: Spent): void;
}

interface Account {
  readonly requests: Window;
  readonly tokens: Window;
  readonly budget: Budget;
  running: number;
  /** Guessed tokens of the requests that run. */
  held: number;
}

interface Moment {
  readonly now: number;
  readonly monotonic: number;
}

const NO_VISIT: Visit = { end: () => {} };
const BUSY_SECONDS = 1;

/** What an account used before this process began is read when it first comes. */
export function createQuotas(ports: {
  readonly store: Store;
  readonly clock: Clock;
  readonly usage: Pick<UsageLog, 'flush'>;
}): Quotas {
  const { store, clock, usage } = ports;
  const accounts = new Map<string, Account>();
  const loading = new Map<string, Promise<Account>>();
  const moment = (): Moment => ({ now: clock.now(), monotonic: clock.monotonic() });
  const load = async (id: string): Promise<Account> => {
    try {
      await usage.flush();
      const { now, monotonic } = moment();
      const stored = await store.read('readStanding', { account: id, minute: minuteOf(now) });
      const account = restore(stored, { now, monotonic });
      accounts.set(id, account);
      return account;
    } finally {
      loading.delete(id);
    }
  };
  const find = (id: string): Promise<Account> => {
    const coming = loading.get(id) ?? load(id);
    loading.set(id, coming);
    return coming;
  };
  return {
    enter: async (principal, wish) => {
      const { id, limits = {} } = principal;
      const foreign = modelProblem(limits, wish.model);
      if (foreign !== undefined) return { ok: false, standing: {}, error: foreign };
      if (!isCounted(limits)) return { ok: true, standing: {}, visit: NO_VISIT };
      const account = accounts.get(id) ?? (await find(id));
      const at = moment();
      const error = firstProblem(account, limits, wish.promptTokens, at);
      if (error !== undefined) return { ok: false, standing: standingOf(account, limits, at), error };
      const visit = admit(account, wish.promptTokens, at, moment);
      return { ok: true, standing: standingOf(account, limits, at), visit };
    },
    charge: (id, spent) => accounts.get(id)?.budget.add(clock.now(), spent),
  };
}

/** Whether a key with these limits may use the model. */
export function mayUse({ models }: KeyLimits, model: string): boolean {
  if (models === undefined) return true;
  return models.some((name) => (name.endsWith('*') ? model.startsWith(name.slice(0, -1)) : name === model));
}

function isCounted(limits: KeyLimits): boolean {
  const { requestsPerMinute, tokensPerMinute, streams, dailyTokens, dailyGpuSeconds } = limits;
  return [requestsPerMinute, tokensPerMinute, streams, dailyTokens, dailyGpuSeconds].some(
    (limit) => limit !== undefined,
  );
}

/** Nobody knows any more in which second of a minute something was used: it is taken as spread over all of it that has passed. */
function restore(stored: StoredStanding, { now, monotonic }: Moment): Account {
  const [requests, tokens] = [createWindow(), createWindow()];
  for (const minute of stored.minutes) {
    const start = minute.minute * MINUTE_MS;
    const seconds = Math.max(1, Math.ceil(Math.min(MINUTE_MS, now - start) / 1000));
    for (let second = 0; second < seconds; second += 1) {
      const age = now - (start + second * 1000);
      requests.restore(monotonic, age, minute.requests / seconds);
      tokens.restore(monotonic, age, minute.tokens / seconds);
    }
  }
  const budget = createBudget(now, { tokens: stored.tokens, gpuSeconds: stored.gpu_ms / 1000 });
  return { requests, tokens, budget, running: 0, held: 0 };
}

function admit(account: Account, guess: number, { monotonic }: Moment, moment: () => Moment): Visit {
  account.running += 1;
  account.held += guess;
  account.requests.add(monotonic, 1);
  let ended = false;
  return {
    end: (spent) => {
      if (ended) return;
      ended = true;
      const at = moment();
      account.running -= 1;
      account.held -= guess;
      account.tokens.add(at.monotonic, spent.tokens);
      account.budget.add(at.now, spent);
    },
  };
}

function modelProblem(limits: KeyLimits, model: string): CaissonError | undefined {
  if (mayUse(limits, model)) return undefined;
  return new CaissonError('forbidden', `this key may not use the model ${JSON.stringify(model)}`, {
    hint: 'Ask for a model that the key may use, or use another key.',
    place: { field: 'model' },
  });
}

function firstProblem(account: Account, limits: KeyLimits, guess: number, at: Moment): CaissonError | undefined {
  return (
    streamProblem(account, limits) ??
    budgetProblem(account, limits, at) ??
    requestProblem(account, limits, at) ??
    tokenProblem(account, limits, guess, at)
  );
}

function streamProblem({ running }: Account, { streams }: KeyLimits): CaissonError | undefined {
  if (streams === undefined || running < streams) return undefined;
  return tooFast(`this key may have ${streams} requests at the same time`, BUSY_SECONDS);
}

function requestProblem({ requests }: Account, limits: KeyLimits, { monotonic }: Moment): CaissonError | undefined {
  const limit = limits.requestsPerMinute;
  // After a restart there are parts of requests: they add up to whole ones.
  if (limit === undefined || Math.floor(requests.used(monotonic) + ROUNDING) < limit) return undefined;
  return tooFast(`this key may send ${limit} requests a minute`, requests.waitFor(monotonic, limit - 1) / 1000);
}

/** A request whose prompt alone is over the limit is let in when nothing else was used: otherwise it could never be. */
function tokenProblem(account: Account, limits: KeyLimits, guess: number, at: Moment): CaissonError | undefined {
  const limit = limits.tokensPerMinute;
  const used = account.tokens.used(at.monotonic) + account.held;
  if (limit === undefined || used <= ROUNDING || (used < limit && used + guess <= limit)) return undefined;
  const wait = account.tokens.waitFor(at.monotonic, Math.max(0, limit - guess - account.held)) / 1000;
  return tooFast(`this key may use ${limit} tokens a minute`, wait);
}

function budgetProblem(account: Account, limits: KeyLimits, at: Moment): CaissonError | undefined {
  const over = limits.budget === 'soft' ? undefined : overBudget(account, limits, at, account.held);
  if (over === undefined) return undefined;
  return new CaissonError('budget_exceeded', `the budget of this key is used up: ${over}`, {
    retryAfterSeconds: secondsToNextDay(at.now),
  });
}

/** `held`: tokens that are not used yet and will be. */
function overBudget({ budget }: Account, limits: KeyLimits, { now }: Moment, held: number): string | undefined {
  const { tokens, gpuSeconds } = budget.used(now);
  const { dailyTokens, dailyGpuSeconds } = limits;
  if (dailyTokens !== undefined && tokens + held >= dailyTokens) return `${tokens} of ${dailyTokens} tokens today`;
  if (dailyGpuSeconds !== undefined && gpuSeconds >= dailyGpuSeconds)
    return `${gpuSeconds.toFixed(1)} of ${dailyGpuSeconds} GPU seconds today`;
  return undefined;
}

function tooFast(message: string, seconds: number): CaissonError {
  return new CaissonError('rate_limit_exceeded', message, { retryAfterSeconds: Math.max(1, Math.ceil(seconds)) });
}

function standingOf(account: Account, limits: KeyLimits, at: Moment): Standing {
  const { monotonic } = at;
  const rate = (limit: number, window: Window, held: number): Rate => ({
    limit,
    remaining: Math.max(0, Math.floor(limit - window.used(monotonic) - held + ROUNDING)),
    resetMs: window.resetMs(monotonic),
  });
  const { requestsPerMinute, tokensPerMinute } = limits;
  const warning = limits.budget === 'soft' ? overBudget(account, limits, at, 0) : undefined;
  return {
    ...(requestsPerMinute === undefined ? {} : { requests: rate(requestsPerMinute, account.requests, 0) }),
    ...(tokensPerMinute === undefined ? {} : { tokens: rate(tokensPerMinute, account.tokens, account.held) }),
    ...(warning === undefined ? {} : { warning }),
  };
}

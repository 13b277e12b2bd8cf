// Owns the choice among replicas that could all be asked: where the cache is warm, unless too much is there. Knows no engine.
import type { Conversations } from './conversations.ts';

export interface Candidate {
  /** A number of its name, the same in every process. */
  readonly seed: number;
  /** Its share of the work beside the others' is as its weight beside theirs; above 0. */
  readonly weight: number;
  /** Requests that it works on at the same time. */
  readonly places: number;
  readonly inFlight: number;
  /** Those that were there lately. */
  readonly conversations: Pick<Conversations, 'count' | 'has'>;
}

/** No replica gets more than so many times its fair share of what is in flight, or of the conversations, because of a name. */
const BOUND = 1.25;
/**
 * Up to so much of its places nothing is moved away: to read a conversation anew costs more than to share an engine. Seen in
 * `bench router` under four loads and up to 64 replicas: with 0 the cached share falls from 97 to 91 % (generated), from 90 to 86 %
 * (bursts) and from 98 to 83 % (long conversations), with 1/4 from 97 to 94 % (generated); from 1/2 on nothing falls. 3/4 brings the
 * longest waits of the generated load from 0.5 to 0.3 s and changes no other, but trusts engines to slow down no more than simulated
 * ones when they are shared.
 */
const EASY_PART = 1 / 2;

/**
 * Consistent hashing with bounded load: each key has its own order of the replicas, which hangs on nothing but their names and weights;
 * the first that is not full of work is taken. A conversation stays where it was. A new one passes over replicas that have more than
 * their part of conversations: what waits for its tools is not in flight, and its cache is there all the same. (Without that, one of
 * 64 replicas got more long conversations than its cache holds: the fairness of waits was 0.07 and is 0.99.) Without a key, and where
 * all are full, the one with least in flight for its weight.
 */
export function pick<One extends Candidate>(candidates: readonly One[], key: number | undefined): One | undefined {
  if (candidates.length <= 1) return candidates[0];
  const kept = key === undefined ? undefined : firstUnderBound(candidates, key);
  return kept ?? leastLoaded(candidates);
}

function firstUnderBound<One extends Candidate>(candidates: readonly One[], key: number): One | undefined {
  let total = 1;
  let known = 1;
  let weights = 0;
  for (const { inFlight, weight, conversations } of candidates) {
    total += inFlight;
    known += conversations.count();
    weights += weight;
  }
  let best: One | undefined;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (const one of candidates) {
    const fair = Math.ceil((BOUND * total * one.weight) / weights);
    const bound = Math.min(one.places, Math.max(fair, Math.ceil(one.places * EASY_PART)));
    if (one.inFlight >= bound) continue;
    const stays = one.conversations.has(key);
    if (!stays && one.conversations.count() >= Math.ceil((BOUND * known * one.weight) / weights)) continue;
    const score = scoreOf(key, one) + (stays ? STAYS : 0);
    if (score > bestScore) [best, bestScore] = [one, score];
  }
  return best;
}

/** More than any score. */
const STAYS = 1e12;

/** Rendezvous: each replica has the highest score for as large a part of the keys as its weight is of all weights. */
function scoreOf(key: number, { seed, weight }: Candidate): number {
  const part = (mixed(key ^ seed) + 0.5) / 2 ** 32;
  return -weight / Math.log(part);
}

function leastLoaded<One extends Candidate>(candidates: readonly One[]): One | undefined {
  let best: One | undefined;
  let bestLoad = Number.POSITIVE_INFINITY;
  for (const one of candidates) {
    // A replica without a free place would only make the request wait there.
    const load = (one.inFlight + 1) / one.weight + (one.inFlight >= one.places ? FULL : 0);
    if (load < bestLoad) [best, bestLoad] = [one, load];
  }
  return best;
}

const FULL = 1e12;

/** Spreads each bit over all (the end of MurmurHash3). */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

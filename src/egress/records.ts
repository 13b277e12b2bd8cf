// Owns what is remembered of the network until somebody takes it: alike ones in a row are one. Decides nothing.
import { LIMITS } from '../base/limits.ts';
import type { EgressRecord } from '../contracts/egress.ts';

export interface Records {
  add(record: EgressRecord): void;
  /** All since the last call. */
  take(): readonly EgressRecord[];
}

/** When there are too many, what was allowed makes place for what was not; then a new one is joined to the last of its rule and host. */
export function createRecords(): Records {
  let kept: EgressRecord[] = [];
  return {
    add: (record) => {
      const last = kept.at(-1);
      if (last !== undefined && areAlike(last, record)) {
        kept[kept.length - 1] = joined(last, record);
        return;
      }
      if (kept.length < LIMITS.egressRecords) kept.push(record);
      else kept = withPlaceFor(record, kept);
    },
    take: () => {
      const taken = kept;
      kept = [];
      return taken;
    },
  };
}

function withPlaceFor(record: EgressRecord, kept: readonly EgressRecord[]): EgressRecord[] {
  const at = kept.findLastIndex((one) => isOfOneKind(one, record));
  if (at >= 0) return kept.map((one, index) => (index === at ? joined(one, record) : one));
  const leaving = kept.findIndex((one) => one.outcome === 'allowed');
  return leaving < 0 ? [...kept] : [...kept.filter((_, index) => index !== leaving), record];
}

function isOfOneKind(left: EgressRecord, right: EgressRecord): boolean {
  return (
    left.outcome === right.outcome && left.rule === right.rule && left.host === right.host && left.port === right.port
  );
}

function areAlike(left: EgressRecord, right: EgressRecord): boolean {
  return (
    isOfOneKind(left, right) &&
    left.grant === right.grant &&
    left.scheme === right.scheme &&
    left.method === right.method &&
    left.path === right.path &&
    left.said === right.said &&
    left.secrets?.join(' ') === right.secrets?.join(' ')
  );
}

function joined(left: EgressRecord, right: EgressRecord): EgressRecord {
  return {
    ...left,
    times: (left.times ?? 1) + (right.times ?? 1),
    sentBytes: left.sentBytes + right.sentBytes,
    receivedBytes: left.receivedBytes + right.receivedBytes,
  };
}

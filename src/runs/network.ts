// Owns the network of one run over all of its sandboxes: its profile, and the grants that stand. Knows no proxy and no rule.
import type { Grant, QuestionRecord } from '../contracts/decisions.ts';
import type { EgressGrant, EgressProfile, EgressRecord } from '../contracts/egress.ts';
import type { EgressEffect } from '../contracts/effects.ts';
import type { RunEvent } from '../contracts/run-events.ts';
import type { RunRecord } from '../contracts/runs.ts';
import type { RunsPorts } from './ports.ts';

export interface RunNetwork {
  /** For a sandbox that opens now. */
  profile(): EgressProfile;
  /** What a person granted, for the sandbox that is open; undefined if it is nothing for the network. */
  permit(grant: Grant): Promise<EgressGrant | undefined>;
  /** Grants that a person took back since the last look, each as one whose time is over. */
  ended(): Promise<readonly EgressGrant[]>;
  /** Uses of grants, so that a new sandbox gives no more of them. */
  count(records: readonly EgressRecord[]): void;
}

type Ports = Pick<RunsPorts, 'network' | 'approvals' | 'clock'>;

interface Standing {
  readonly grant: EgressGrant;
  readonly question: string;
  used: number;
}

/** Undefined: the run has no network. `history`: events of earlier attempts, whose grants and uses count. */
export async function openRunNetwork(
  run: RunRecord,
  history: readonly RunEvent[],
  { network, approvals, clock }: Ports,
): Promise<RunNetwork | undefined> {
  const profile = network?.(run);
  if (profile === undefined) return undefined;
  const standing = new Map<string, Standing>();
  const add = (record: QuestionRecord) => {
    const grant = grantOf(record);
    if (grant !== undefined) standing.set(grant.id, { grant, question: record.id, used: 0 });
    return grant;
  };
  const count = (id: string, times: number) => {
    const one = standing.get(id);
    if (one !== undefined) one.used += times;
  };
  if (history.length > 0) {
    for (const record of await approvals.list({ run: run.id, state: 'used' })) add(record);
    for (const { body } of history) if (body.type === 'egress_allowed') count(body.grant ?? '', body.times);
  }
  return {
    profile: () => ({ ...profile, grants: [...profile.grants, ...stillGood(standing.values(), clock.now())] }),
    permit: async ({ question }) => {
      const record = await approvals.get(question);
      return record === undefined ? undefined : add(record);
    },
    ended: async () => {
      const looked = [...standing.values()].map(async (one) => ({ one, now: await approvals.get(one.question) }));
      const gone = (await Promise.all(looked)).filter(({ now }) => now?.state !== 'used');
      for (const { one } of gone) standing.delete(one.grant.id);
      return gone.map(({ one }) => ({ ...one.grant, expiresAt: 0 }));
    },
    count: (records) => {
      for (const { grant, outcome, times = 1 } of records)
        if (grant !== undefined && outcome === 'allowed') count(grant, times);
    },
  };
}

function grantOf({ id, effect, scope, answeredAt = 0 }: QuestionRecord): EgressGrant | undefined {
  if (effect.type !== 'egress' || scope === undefined) return undefined;
  const { uses, ms } = scope;
  return {
    id: `grant_${id}`,
    match: accessMatch(effect),
    ...(uses === undefined ? {} : { uses }),
    ...(ms === undefined ? {} : { expiresAt: answeredAt + ms }),
  };
}

/** The narrowest grant for what was asked. */
export function accessMatch({ host, port, scheme, method, path }: EgressEffect): EgressGrant['match'] {
  const at = { hosts: [host], ports: [port], schemes: [scheme] };
  // Where TLS passes, there is nothing but a host.
  return method === 'CONNECT' ? { ...at, methods: [method] } : { ...at, methods: [method], paths: [path] };
}

function stillGood(all: Iterable<Standing>, now: number): readonly EgressGrant[] {
  return [...all]
    .filter(({ grant: { uses, expiresAt }, used }) => used < (uses ?? Infinity) && now < (expiresAt ?? Infinity))
    .map(({ grant, used }) => (grant.uses === undefined ? grant : { ...grant, uses: grant.uses - used }));
}

// Owns the decision on one request or tunnel: floor, policy, rates, addresses, uses of grants, in this order. Sends nothing.
import type { Clock } from '../base/clock.ts';
import type { EgressGrant, EgressJudge, EgressJudgement, EgressRule } from '../contracts/egress.ts';
import type { EgressEffect } from '../contracts/effects.ts';
import type { Address } from './address/bytes.ts';
import type { Dialer } from './address/dial.ts';
import type { Authority, Host } from './address/host.ts';
import type { Barrier, Reach } from './address/reach.ts';
import { type Asked, isGitPush } from './asked.ts';
import { isFault } from './http/wire.ts';
import { byBarrier, byFailure, byPolicy, byRate, byRule, bySize, type Refusal } from './refusal.ts';

export interface Admitted {
  /** Of the rule or grant that decided. */
  readonly by: string;
  readonly rule?: EgressRule;
  readonly grant?: EgressGrant;
  /** Checked ones; none where the site's proxy finds them. */
  readonly addresses: readonly Address[];
}

export interface Gate {
  request(asked: Asked): Promise<Admitted | Refusal>;
  /** Before TLS. `end`: each request in it is judged by itself. */
  tunnel(to: Authority): Promise<(Admitted & { readonly tls: 'pass' }) | { readonly tls: 'end' } | Refusal>;
}

export interface GateParts {
  readonly judge: EgressJudge;
  readonly reach: Reach;
  readonly dialer: Dialer;
  readonly clock: Pick<Clock, 'monotonic'>;
}

const MINUTE = 60_000;
/** A grant whose last use another request took meanwhile: judged again, by the next one. */
const MOST_GRANTS = 8;
const PUSH: Barrier = {
  barrier: 'floor:git-push',
  why: 'work leaves only as a patch that a person applies, never by a git push',
};
const NO_NAME: Barrier = {
  barrier: 'floor:server-name',
  why: 'TLS to an address has no server name that could be checked; use a host name (egress.names gives one to an address)',
};

export function isRefusal(value: object): value is Refusal {
  return 'outcome' in value;
}

export function createGate(parts: GateParts): Gate {
  const isTooFast = createRates(parts.clock);
  const tooFast = ({ rule }: Admitted, effect: EgressEffect) => {
    const perMinute = rule?.caps?.requestsPerMinute;
    if (rule === undefined || perMinute === undefined || !isTooFast(rule.id, perMinute)) return undefined;
    return byRate(effect, rule.id, perMinute);
  };
  const admit = async (
    effect: EgressEffect,
    host: Host,
    judge: () => EgressJudgement,
    check: (judgement: EgressJudgement) => Refusal | undefined,
  ): Promise<Admitted | Refusal> => {
    for (let tries = 0; tries < MOST_GRANTS; tries += 1) {
      const judgement = judge();
      const refused = judgement.verdict === 'allow' ? check(judgement) : byPolicy(effect, judgement);
      if (refused !== undefined) return refused;
      const admitted = await admittedBy(judgement, effect, host, parts);
      if (isRefusal(admitted)) return admitted;
      if (admitted.grant !== undefined && !parts.judge.use(admitted.grant)) continue;
      return tooFast(admitted, effect) ?? admitted;
    }
    return byPolicy(effect, { verdict: 'deny', rule: undefined, reason: '', advice: '' });
  };
  return {
    request: async (asked) => {
      const { effect, host } = asked;
      const barrier = parts.reach.barrierOf(host, effect.port) ?? (isGitPush(asked) ? PUSH : undefined);
      if (barrier !== undefined) return byBarrier(effect, barrier);
      return admit(
        effect,
        host,
        () => parts.judge.request(effect),
        (judgement) => formRefusal(asked, judgement),
      );
    },
    tunnel: async ({ host, port }) => {
      const effect = tunnelEffect(host, port);
      const barrier = parts.reach.barrierOf(host, port) ?? (host.address === undefined ? undefined : NO_NAME);
      if (barrier !== undefined) return byBarrier(effect, barrier);
      const judgement = parts.judge.host(host.text, port);
      if (judgement.tls === 'end') return judgement.verdict === 'deny' ? byPolicy(effect, judgement) : { tls: 'end' };
      const admitted = await admit(effect, host, () => parts.judge.host(host.text, port), onlyPassing(effect));
      return isRefusal(admitted) ? admitted : { ...admitted, tls: 'pass' };
    },
  };
}

export function tunnelEffect(host: Host, port: number): EgressEffect {
  return { type: 'egress', host: host.text, port, scheme: 'https', method: 'CONNECT', path: '' };
}

function formRefusal({ effect, websocket, framing }: Asked, { rule }: EgressJudgement): Refusal | undefined {
  if (websocket && rule?.websocket !== true)
    return byRule(effect, rule?.id ?? 'default:egress', 'a WebSocket needs a rule that says `websocket: true`');
  const most = rule?.caps?.requestBytes;
  if (rule !== undefined && most !== undefined && framing.by === 'length' && framing.bytes > most)
    return bySize(effect, rule.id, 'body', most);
  return undefined;
}

/** A grant may have come or gone meanwhile, and with it whether bytes pass. */
function onlyPassing(effect: EgressEffect): (judgement: EgressJudgement) => Refusal | undefined {
  return (judgement) =>
    'tls' in judgement && judgement.tls !== 'pass'
      ? byRule(effect, judgement.rule?.id ?? 'default:egress', 'it changed while it was judged; try again')
      : undefined;
}

async function admittedBy(
  judgement: EgressJudgement,
  effect: EgressEffect,
  host: Host,
  { reach, dialer }: GateParts,
): Promise<Admitted | Refusal> {
  const who = decider(judgement);
  const ranges = judgement.rule?.addresses ?? [];
  if (dialer.goesElsewhere(host)) {
    const barrier = reach.mayAskElsewhere(host, effect.port, ranges);
    return barrier === undefined ? { ...who, addresses: [] } : byBarrier(effect, barrier);
  }
  const found = await reach.addressesOf(host, effect.port, ranges);
  if (isFault(found)) return byFailure(effect, who.by, found.fault);
  return 'barrier' in found ? byBarrier(effect, found) : { ...who, addresses: found };
}

function decider({ rule, grant }: EgressJudgement): Omit<Admitted, 'addresses'> {
  const by = grant?.id ?? rule?.id ?? 'default:egress';
  return { by, ...(rule === undefined ? {} : { rule }), ...(grant === undefined ? {} : { grant }) };
}

/** Of each rule: true if it let as many through in the last minute as it may. */
function createRates(clock: Pick<Clock, 'monotonic'>): (rule: string, perMinute: number) => boolean {
  const times = new Map<string, number[]>();
  return (rule, perMinute) => {
    const now = clock.monotonic();
    const recent = times.get(rule) ?? [];
    times.set(rule, recent);
    while ((recent[0] ?? now) <= now - MINUTE) recent.shift();
    if (recent.length >= perMinute) return true;
    recent.push(now);
    return false;
  };
}

// Owns the sentences in which a program and the model hear that something was refused, and the narrowest thing to ask for. Judges nothing.
import type { EgressGrant, EgressJudgement } from '../contracts/egress.ts';
import type { EgressEffect } from '../contracts/effects.ts';
import type { Barrier } from './address/reach.ts';

/** Of one request or connection that does not go on. */
export interface Refusal {
  readonly outcome: 'denied' | 'failed';
  /** What a program gets. */
  readonly status: number;
  readonly rule: string;
  readonly grant?: EgressGrant;
  readonly said: string;
  readonly ask?: EgressEffect;
}

const FORBIDDEN = 403;
const BAD_REQUEST = 400;
const TOO_MANY = 429;
const TOO_LARGE = 413;
const BAD_GATEWAY = 502;
/** Characters of a path in a sentence; `ask` has it whole. */
const MOST_SHOWN = 200;

/** The policy says no, or that a person is to be asked. */
export function byPolicy(effect: EgressEffect, { verdict, rule, reason, advice }: EgressJudgement): Refusal {
  const what = describe(effect);
  if (verdict === 'deny' && rule !== undefined) {
    const why = sentenceEnd(advice === '' ? reason : `${reason} ${advice}`);
    return denied(rule.id, `${what} is refused by the rule ${rule.id}: ${why}`);
  }
  const why =
    rule === undefined ? 'is allowed by no rule' : `needs a person’s yes by the rule ${rule.id} (${trimmed(reason)})`;
  return { ...denied(rule?.id ?? 'default:egress', `${what} ${why}; ${howToAsk(effect)}.`), ask: effect };
}

export function byBarrier(effect: EgressEffect, { barrier, why }: Barrier): Refusal {
  return denied(barrier, `${describe(effect)} is refused, whatever a rule says: ${why}.`);
}

/** A rule allows the request, but not like this. */
export function byRule(effect: EgressEffect, rule: string, why: string): Refusal {
  return denied(rule, `${describe(effect)} is refused by the rule ${rule}: ${why}.`);
}

export function byRate(effect: EgressEffect, rule: string, perMinute: number): Refusal {
  const said = `${describe(effect)} is refused by the rule ${rule}: it allows ${perMinute} requests in a minute; wait and try again.`;
  return { ...denied(rule, said), status: TOO_MANY };
}

export function bySize(effect: EgressEffect, rule: string, what: 'body' | 'answer', most: number): Refusal {
  const said = `${describe(effect)} is cut off by the rule ${rule}: its ${what} is larger than ${most} bytes.`;
  return { ...denied(rule, said), status: what === 'body' ? TOO_LARGE : BAD_GATEWAY };
}

/** `what`: as `A request to example.org`. It is not in a form that everybody reads alike. */
export function byFraming(what: string, fault: string): Refusal {
  return { ...denied('floor:framing', `${what} is refused: ${fault}.`), status: BAD_REQUEST };
}

/** It was allowed and did not work: nothing to ask for. */
export function byFailure(effect: EgressEffect, rule: string, fault: string): Refusal {
  const said = `${describe(effect)} was allowed and failed: ${fault}.`;
  return { outcome: 'failed', status: BAD_GATEWAY, rule, said };
}

/** `GET https://host/path`, or `HTTPS to host:443`. */
export function describe({ method, scheme, host, port, path }: EgressEffect): string {
  const name = host.includes(':') ? `[${host}]` : host;
  if (method === 'CONNECT') return `HTTPS to ${name}:${port}`;
  const usual = scheme === 'http' ? 80 : 443;
  return `${method} ${scheme}://${name}${port === usual ? '' : `:${port}`}${shortened(path)}`;
}

function denied(rule: string, said: string): Refusal {
  return { outcome: 'denied', status: FORBIDDEN, rule, said };
}

function howToAsk({ method, host, path }: EgressEffect): string {
  const what =
    method === 'CONNECT' ? 'and the method and path it needs,' : `method ${method} and path ${shortened(path)}`;
  return `request_access with host ${host}, ${what} asks a person for it`;
}

function shortened(path: string): string {
  return path.length > MOST_SHOWN ? `${path.slice(0, MOST_SHOWN)}…` : path;
}

function trimmed(text: string): string {
  return text.replace(/[.\s]+$/, '');
}

function sentenceEnd(text: string): string {
  return `${trimmed(text)}.`;
}

// Owns the joining of what the proxy of one sandbox is made of: the policy on its network, TLS, secrets, names. Knows no socket.
import { networkInterfaces } from 'node:os';
import type { Clock } from './base/clock.ts';
import type { Logger } from './base/logger.ts';
import type { EgressMatch, EgressProfile, EgressSecrets, OpenProxy } from './contracts/egress.ts';
import type { EgressEffect } from './contracts/effects.ts';
import { type Lookup, systemLookup } from './egress/address/resolver.ts';
import { createProxy } from './egress/proxy.ts';
import { createTls } from './egress/tls/create-tls.ts';
import { compileNetwork } from './policy/network/judge.ts';
import { compileEgress } from './policy/network/match.ts';
import { createSecretStages } from './secrets/stages.ts';

export interface EgressPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Absent: the resolvers of this machine. */
  readonly lookup?: Lookup;
}

/** It is dear to load (certificates): whoever needs it imports it with the first sandbox that has a network. */
export function proxies({ clock, logger, lookup = systemLookup() }: EgressPorts): OpenProxy {
  return async (profile, of) => {
    const judge = compileNetwork(profile.rules, profile.grants, clock);
    const tls = await createTls(profile, of, { clock });
    const secrets = secretsOf(profile);
    const ports = { clock, logger, lookup, tls, ownAddresses, ...(secrets === undefined ? {} : { secrets }) };
    return createProxy(profile, judge, ports, of);
  };
}

function secretsOf({ secrets }: EgressProfile): EgressSecrets | undefined {
  return secrets.length === 0 ? undefined : createSecretStages(secrets, createCovers());
}

/** Each match is compiled once. */
function createCovers(): (match: EgressMatch, request: EgressEffect) => boolean {
  const compiled = new Map<string, (request: EgressEffect) => boolean>();
  return (match, request) => {
    const key = JSON.stringify(match);
    const covers = compiled.get(key) ?? compileEgress(match, true);
    compiled.set(key, covers);
    return covers(request);
  };
}

function ownAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
}

// Owns the proxy of one sandbox: its listener, its connections and their end. Knows no rule, no framing and no TLS.
import type { Server, Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import { LIMITS } from '../base/limits.ts';
import type { Logger } from '../base/logger.ts';
import type { EgressJudge, EgressProfile, EgressSecrets, SandboxProxy } from '../contracts/egress.ts';
import { createDialer } from './address/dial.ts';
import { createReach, readNames } from './address/reach.ts';
import { createResolver, type Lookup } from './address/resolver.ts';
import { type Parts, serveRequests } from './connection.ts';
import { createGate } from './gate.ts';
import { createWire } from './http/wire.ts';
import { createRecords } from './records.ts';
import type { EgressTls } from './tls-port.ts';

export interface ProxyPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lookup: Lookup;
  readonly tls: EgressTls;
  /** Absent: no secret is bound. */
  readonly secrets?: EgressSecrets;
  /** Addresses of this machine. */
  readonly ownAddresses: () => readonly string[];
}

/** Throws `config_invalid` for a profile that cannot be served. */
export function createProxy(
  profile: EgressProfile,
  judge: EgressJudge,
  ports: ProxyPorts,
  of: { readonly run: string; readonly sandbox: string },
): SandboxProxy {
  const { clock, tls, secrets } = ports;
  const names = readNames(profile.names);
  const resolver = createResolver(names, ports.lookup, clock);
  const reach = createReach(profile, names, { resolver, ownAddresses: ports.ownAddresses });
  const dialer = createDialer(profile, { tls, resolver });
  const records = createRecords();
  const gate = createGate({ judge, reach, dialer, clock });
  const parts: Parts = { gate, dialer, tls, secrets, records, clock };
  const open = new Set<Socket>();
  const serving = new Set<Promise<void>>();
  const listening = new Set<Server>();
  return {
    authority: tls.authority,
    serve: (listener) => {
      listening.add(listener);
      listener.once('close', () => listening.delete(listener));
      listener.maxConnections = LIMITS.egressConnections;
      listener.on('connection', (socket) => {
        open.add(socket);
        socket.setNoDelay(true);
        socket.once('close', () => open.delete(socket));
        const served = serveRequests(createWire(socket), undefined, parts).catch((error: unknown) => {
          socket.destroy();
          ports.logger.error('A connection of a sandbox ended by a defect.', { ...of, message: String(error) });
        });
        serving.add(served);
        void served.then(() => serving.delete(served));
      });
    },
    permit: (grant) => judge.permit(grant),
    take: () => records.take(),
    close: async () => {
      const closed = [...listening].map(closing);
      for (const socket of open) socket.destroy();
      dialer.close();
      // What was open is a record then.
      await Promise.all([...closed, ...serving]);
    },
  };
}

function closing(listener: Server): Promise<void> {
  return new Promise((resolve) => {
    listener.close(() => resolve());
  });
}

// Owns what the network of a run's sandboxes is made of: the policy, the configuration, the secrets, the floor. A composition root.
import { readFile } from 'node:fs/promises';
import { certificatesIn } from './base/certificates.ts';
import { CaissonError } from './base/errors.ts';
import type { LoadedConfig } from './config/load.ts';
import type { EgressProfile } from './contracts/egress.ts';
import type { HousePolicy } from './policy-file.ts';
import { opensNetwork } from './policy/network/rules.ts';
import type { RunsPorts } from './runs/ports.ts';
import { loadBindings } from './secret-bindings.ts';

type Config = Pick<LoadedConfig, 'egress' | 'secrets' | 'server' | 'backends' | 'policyFile'>;
type Floor = EgressProfile['floor'][number];

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/**
 * Undefined: no rule of the policy allows or asks about the network, so that no run has one; nothing is loaded for it then. `key`: of the
 * journal. Rejects with `config_invalid`, `config_unreadable` or `secret_unresolved`.
 */
export async function openNetworks(
  config: Config,
  policy: Pick<HousePolicy, 'decide' | 'network'>,
  key: Uint8Array,
): Promise<RunsPorts['network']> {
  const rules = policy.network();
  if (!opensNetwork(rules)) return undefined;
  const { airGapped, siteRanges, names, upstream, ca } = config.egress;
  const [bindings, authorities] = await Promise.all([loadBindings(config, key), readAuthorities(ca)]);
  const shared: Omit<EgressProfile, 'secrets'> = {
    rules,
    grants: [],
    airGapped,
    siteRanges,
    names,
    floor: floorOf(config),
    ...(upstream === undefined ? {} : { upstream }),
    ...(authorities === undefined ? {} : { authorities }),
  };
  return (run) => {
    const context = { run: run.id, tool: 'network' };
    const secrets = bindings?.bind(run.id, (effect) => policy.decide(effect, context)).bound ?? [];
    return { ...shared, secrets };
  };
}

async function readAuthorities(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const place = { file, field: 'egress.ca' };
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new CaissonError('config_unreadable', `the authorities of egress.ca cannot be read: ${String(cause)}`, {
      place,
      cause,
    });
  });
  certificatesIn(text, place);
  return text;
}

/** The service itself and its engines: a sandbox never speaks to them past the gateway. */
function floorOf({ server, backends }: Config): readonly Floor[] {
  const own = server.port === 0 ? [] : [{ host: server.host, port: server.port }];
  return [...own, ...backends.flatMap(engineFloor)];
}

function engineFloor(backend: LoadedConfig['backends'][number]): readonly Floor[] {
  const address = 'url' in backend ? backend.url : 'address' in backend ? backend.address : undefined;
  const url = address === undefined ? null : URL.parse(address.replace(/^grpc(s?):/, 'http$1:'));
  if (url === null || url.hostname === '') return [];
  const port = url.port === '' ? (PORTS[url.protocol] ?? 0) : Number(url.port);
  return [{ host: url.hostname.replace(/^\[|\]$/g, ''), port }];
}

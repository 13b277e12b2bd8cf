// Owns the network of one sandbox: its proxy, the sockets that its shells hand out, the variables that lead programs there. Knows no rule.
import type { Server } from 'node:net';
import { join } from 'node:path';
import { CaissonError } from '../../base/errors.ts';
import type { EgressProfile } from '../../contracts/egress.ts';
import type { OpenSandbox } from '../../contracts/executor.ts';
import { FETCH_ENVIRONMENT, secretEnvironment, trustEnvironment } from '../../contracts/sandbox-environment.ts';
import { commandUser, insidePaths } from '../setup.ts';
import { LISTENER_SCRIPT, PROXY_URL, takeListener } from './listener.ts';
import type { NetworkSetup, SandboxNetwork } from './networking.ts';
import { putTrust, TRUST_FILE } from './trust.ts';

/** Both cases: curl reads the small one only, other programs the other. */
const TO_PROXY = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'] as const;
const PAST_PROXY = 'localhost,127.0.0.1,::1';

/** Rejects with `config_invalid` for a profile that cannot be served, and `sandbox_unavailable` where there is no proxy. */
export async function openNetwork(
  { egress, run, sandbox, box }: OpenSandbox & { readonly egress: EgressProfile },
  setup: NetworkSetup,
): Promise<SandboxNetwork> {
  if (setup.proxy === undefined)
    throw new CaissonError('sandbox_unavailable', 'the sandbox was to have a network, and there is no proxy for it');
  const proxy = await setup.proxy(egress, { run, sandbox });
  let listener: Server | undefined;
  const part = () => {
    listener?.close();
    listener = undefined;
  };
  return {
    environment: environmentOf(egress, join(insidePaths(commandUser(setup)).root, TRUST_FILE)),
    script: LISTENER_SCRIPT,
    prepare: () => putTrust(box, [proxy.authority, egress.authorities ?? '']),
    join: async (child, leave) => {
      part();
      listener = await takeListener(child, leave);
      if (listener === undefined) return false;
      // One that was closed under the proxy tells nobody else.
      listener.on('error', () => {});
      proxy.serve(listener);
      return true;
    },
    permit: (grant) => proxy.permit(grant),
    take: () => proxy.take(),
    part,
    close: async () => {
      part();
      await proxy.close();
    },
  };
}

function environmentOf(profile: EgressProfile, trustFile: string): Readonly<Record<string, string>> {
  const both = (name: string, value: string) => [
    [name, value],
    [name.toLowerCase(), value],
  ];
  return {
    ...secretEnvironment(profile.secrets),
    ...trustEnvironment(trustFile),
    ...Object.fromEntries(TO_PROXY.flatMap((name) => both(name, PROXY_URL))),
    ...Object.fromEntries(both('NO_PROXY', PAST_PROXY)),
    ...FETCH_ENVIRONMENT,
    NODE_USE_ENV_PROXY: '1',
  };
}

// Owns the reading of the policy file that holds. Knows no rule.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CaissonError } from './base/errors.ts';
import { sha256 } from './base/hash.ts';
import type { LoadedConfig } from './config/load.ts';
import type { EgressRule } from './contracts/egress.ts';
import type { Effect } from './contracts/effects.ts';
import type { Decide } from './contracts/ports.ts';
import { createDecide } from './policy/decide.ts';
import { loadPolicy, type Presets } from './policy/load.ts';
import { networkRules } from './policy/network/rules.ts';

const SHIPPED = fileURLToPath(new URL('../deploy/policies/default.yaml', import.meta.url));

const PRESETS = fileURLToPath(new URL('../deploy/policies/presets', import.meta.url));

export interface HousePolicy {
  readonly text: string;
  readonly hash: string;
  readonly decide: Decide;
  /** Whether it could say anything but no to such a call. The shipped policy says no to all of them, and is not read for that. */
  readonly offers: (effect: Extract<Effect, { type: 'external' }>) => boolean;
  /** Its rules on the network. The shipped policy has none that opens it, and is not read for that. */
  readonly network: () => readonly EgressRule[];
}

/**
 * Throws `policy_invalid` with file:line:column. The shipped policy, which a test has read, is read with the first decision: a run
 * begins sooner.
 */
export function loadPolicyOf(config: Pick<LoadedConfig, 'policyFile'>): HousePolicy {
  const file = config.policyFile ?? SHIPPED;
  const text = readPolicy(file);
  const policy = config.policyFile === undefined ? undefined : loadPolicy(text, file, shippedPresets());
  const own = policy && createDecide(policy);
  let decide = own;
  return {
    text: policy?.text ?? text,
    hash: policy?.hash ?? sha256(text),
    network: () => (policy === undefined ? [] : networkRules(policy)),
    offers: (effect) => own !== undefined && own(effect, { run: '', tool: effect.tool }).verdict !== 'deny',
    decide: (effect, context) => (decide ??= createDecide(loadPolicy(text, file)))(effect, context),
  };
}

/** `deploy/policies/presets/NAME.yaml`. */
export function shippedPresets(): Presets {
  const names = readdirSync(PRESETS).flatMap((file) =>
    file.endsWith('.yaml') ? [file.slice(0, -'.yaml'.length)] : [],
  );
  return { names: names.sort(), read: (name) => readPolicy(join(PRESETS, `${name}.yaml`)) };
}

function readPolicy(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new CaissonError('policy_invalid', `the policy file cannot be read: ${(cause as Error).message}`, {
      cause,
      place: { file },
    });
  }
}

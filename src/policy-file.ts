// Owns the reading of the policy file that holds. Knows no rule.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CaissonError } from './base/errors.ts';
import type { LoadedConfig } from './config/load.ts';
import { loadPolicy } from './policy/load.ts';
import type { Policy } from './policy/policy.ts';

const SHIPPED = fileURLToPath(new URL('../deploy/policies/default.yaml', import.meta.url));

/** Throws `policy_invalid` with file:line:column. */
export function loadPolicyOf(config: Pick<LoadedConfig, 'policyFile'>): Policy & { readonly text: string } {
  const file = config.policyFile ?? SHIPPED;
  const text = readPolicy(file);
  return { ...loadPolicy(text, file), text };
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

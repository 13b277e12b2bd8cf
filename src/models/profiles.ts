// Owns the way from the name of a served model to its profile, and the form of the shipped ones that loads at once. Knows no engine.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelProfile } from '../contracts/model-profile.ts';
import { type ProfileFile, profileOf } from './profile.ts';

/** What of the shipped files profiles are made of; a test holds them together. */
export const SHIPPED_PROFILES = join(import.meta.dirname, '..', '..', 'model-configs', 'profiles.json');

/** Clients can name models that nobody serves. */
const MOST_KNOWN = 1000;

export async function readShippedProfiles(): Promise<readonly ProfileFile[]> {
  return JSON.parse(await readFile(SHIPPED_PROFILES, 'utf8')) as readonly ProfileFile[];
}

/** By the name as engines serve it. Each is looked for once. */
export function profilesIn(files: readonly ProfileFile[]): (served: string) => ModelProfile {
  const known = new Map<string, ModelProfile>();
  return (served) => {
    const profile = known.get(served) ?? profileOf(files, served);
    if (known.size < MOST_KNOWN) known.set(served, profile);
    return profile;
  };
}

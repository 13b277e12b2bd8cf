// Owns the one step from a served name to its profile, for engines that take plain text. Knows no engine.
import type { ModelProfile } from '../contracts/model-profile.ts';
import { readCatalogue } from './catalogue.ts';
import { profileOf } from './profile.ts';

/** The generic profile where no file knows the model. `site`: the folder of the site's model files. Never rejects. */
export async function readProfile(served: string, site?: string): Promise<ModelProfile> {
  return profileOf((await readCatalogue(site)).files, served);
}

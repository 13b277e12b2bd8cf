// Owns what the reading of calls that engines left in their text is made of: the model files, loaded when an answer first needs them.
import type { ChatRequest } from './contracts/messages.ts';
import type { ModelProfile } from './contracts/model-profile.ts';
import type { TextRepair } from './prompting/repair-text.ts';

/** `site`: folder with model files of the site. */
export function repairBy(site: string | undefined): (request: ChatRequest) => Promise<TextRepair> {
  let profiles: Promise<(served: string) => ModelProfile> | undefined;
  return async (request) => {
    profiles ??= readProfiles(site);
    const [{ repairText }, profileOf] = await Promise.all([import('./prompting/repair-text.ts'), profiles]);
    return repairText(request, profileOf(request.model));
  };
}

async function readProfiles(site: string | undefined): Promise<(served: string) => ModelProfile> {
  const [{ readCatalogue }, { profileOf }] = await Promise.all([
    import('./models/catalogue.ts'),
    import('./models/profile.ts'),
  ]);
  const { files } = await readCatalogue(site);
  return (served) => profileOf(files, served);
}

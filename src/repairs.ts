// Owns what requests to engines get of a model's profile, and what calls in their text are read with: loaded when first needed.
import type { ChatRequest } from './contracts/messages.ts';
import type { ModelProfile } from './contracts/model-profile.ts';
import type { TextRepair } from './prompting/repair-text.ts';

export type Profiles = () => Promise<(served: string) => ModelProfile>;

/** `site`: folder with model files of the site, beside the shipped ones. They are read once. */
export function profilesBy(site: string | undefined): Profiles {
  let read: ReturnType<Profiles> | undefined;
  const profiles = async () => {
    const { profilesIn, readShippedProfiles } = await import('./models/profiles.ts');
    if (site === undefined) return profilesIn(await readShippedProfiles());
    const { readCatalogue } = await import('./models/catalogue.ts');
    return profilesIn((await readCatalogue(site)).files);
  };
  return () => (read ??= profiles());
}

export function repairBy(profiles: Profiles): (request: ChatRequest) => Promise<TextRepair> {
  return async (request) => {
    const [{ repairText }, profileOf] = await Promise.all([import('./prompting/repair-text.ts'), profiles()]);
    return repairText(request, profileOf(request.model));
  };
}

/** Begins to load at once: the first request would wait for it, and before it others are waited for. */
export function likedBy(profiles: Profiles): (request: ChatRequest) => Promise<ChatRequest> {
  const loaded = Promise.all([import('./backends/openai/liking.ts'), profiles()]);
  loaded.catch(() => {});
  return async (request) => {
    const [{ asLiked }, profileOf] = await loaded;
    return asLiked(request, profileOf(request.model));
  };
}

// Owns what only some backends can do beside a chat. Knows no wire format.
import type { Backend } from '../contracts/ports.ts';
import type { Router } from './router.ts';

export interface Abilities extends Pick<Router, 'complete' | 'embed'> {
  readonly countTokens: NonNullable<Backend['countTokens']>;
  readonly contextTokens: NonNullable<Backend['contextTokens']>;
}

export function createAbilities({
  complete,
  embed,
  backendOf,
}: Pick<Router, 'complete' | 'embed' | 'backendOf'>): Abilities {
  return {
    complete,
    embed,
    countTokens: async (request, signal) => (await backendOf(request.model, signal))?.countTokens?.(request, signal),
    contextTokens: async (model) => (await backendOf(model))?.contextTokens?.(model),
  };
}

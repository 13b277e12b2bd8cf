// Owns what only some backends can do: which one is asked, and the words where it cannot. Knows no wire format.
import type { ModelErrorEvent, ModelEvent } from '../contracts/model-events.ts';
import type { Backend, Embed, StreamModel } from '../contracts/ports.ts';
import { lawful } from './lawful.ts';
import type { Router } from './router.ts';

export interface Abilities {
  readonly complete: StreamModel;
  readonly embed: Embed;
  readonly countTokens: NonNullable<Backend['countTokens']>;
  readonly contextTokens: NonNullable<Backend['contextTokens']>;
}

export function createAbilities({ backendOf }: Pick<Router, 'backendOf'>): Abilities {
  return {
    complete: async function* complete(request, signal): AsyncGenerator<ModelEvent> {
      const backend = await backendOf(request.model, signal);
      const stream = backend?.complete;
      if (backend === undefined || stream === undefined)
        yield lacking(backend, request.model, 'completions of plain text');
      else yield* lawful({ ...backend, stream }, request, signal);
    },
    embed: async (request, signal) => {
      const backend = await backendOf(request.model, signal);
      return (await backend?.embed?.(request, signal)) ?? lacking(backend, request.model, 'embeddings');
    },
    countTokens: async (request, signal) => (await backendOf(request.model, signal))?.countTokens?.(request, signal),
    contextTokens: async (model) => (await backendOf(model))?.contextTokens?.(model),
  };
}

function lacking(backend: Backend | undefined, model: string, what: string): ModelErrorEvent {
  const message =
    backend === undefined
      ? `no backend serves the model ${JSON.stringify(model)}`
      : `the engine of the model ${JSON.stringify(model)} has no ${what}`;
  const code = backend === undefined ? 'model_not_found' : 'not_supported';
  return { type: 'error', code, message, retryable: false };
}

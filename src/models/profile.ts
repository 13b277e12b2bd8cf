// Owns the way from a served name to what is known of that model. Knows no engine.
import type { JsonObject } from '../base/json.ts';
import { GENERIC_PROFILE, type ModelProfile, type Sampling } from '../contracts/model-profile.ts';
import type { ModelFile } from './schema.ts';

const GENERIC: ModelProfile = {
  name: GENERIC_PROFILE,
  templateArguments: {},
  thinksByDefault: false,
  output: {
    startsInsideThinking: false,
    thinkingStart: '<think>',
    thinkingEnd: '</think>',
    toolCalls: 'json',
    stopTexts: [],
    stopTokenIds: [],
  },
  sampling: { thinking: {}, toolCalls: {}, text: {} },
};

/** What of a model file a profile is made of. */
export type ProfileFile = Pick<ModelFile, 'template' | 'thinking' | 'output' | 'sampling'> & NamedFile;

interface NamedFile {
  readonly model: { readonly name: string };
  readonly builds?: readonly Named[] | undefined;
}

interface Named {
  readonly name: string;
  readonly repository?: string | undefined;
}

/** The profile of the model, or the generic one. */
export function profileOf(files: readonly ProfileFile[], served: string): ModelProfile {
  const file = fileOf(files, served) ?? files.find(({ model }) => model.name === GENERIC.name);
  return file === undefined ? GENERIC : profileOfFile(file);
}

/**
 * The file of a name as engines serve it: that of a build or a model, the path of a folder or of a GGUF file, a name on a hub.
 * Undefined: none is of that model.
 */
export function fileOf<File extends NamedFile>(files: readonly File[], served: string): File | undefined {
  const name = plainName(served);
  const exact = files.find(({ builds = [] }) => builds.some((build) => isNamed(build, name)));
  if (exact !== undefined) return exact;
  return files
    .filter(({ model }) => model.name === name || name.startsWith(`${model.name}-`))
    .toSorted((left, right) => right.model.name.length - left.model.name.length)[0];
}

/** `name`: plain. */
export function isNamed(build: Named, name: string): boolean {
  return build.name === name || (build.repository !== undefined && plainName(build.repository) === name);
}

/** `nvidia/NVIDIA-Nemotron-3-Nano-4B-BF16` → `nemotron-3-nano-4b-bf16`. */
export function plainName(served: string): string {
  const last = served.split('/').findLast((part) => part !== '') ?? '';
  return last
    .toLowerCase()
    .replace(/\.gguf$/, '')
    .replace(/^nvidia-/, '');
}

function profileOfFile({ model, template, thinking, output, sampling = {} }: ProfileFile): ModelProfile {
  const { off, less } = thinking;
  return {
    name: model.name,
    templateArguments: template.arguments,
    thinksByDefault: thinking.default,
    thinking: {
      ...(off === undefined ? {} : { off: offOf(off) }),
      ...(less === undefined ? {} : { less }),
    },
    output: {
      startsInsideThinking: output.starts_inside_thinking,
      thinkingStart: output.thinking_start ?? GENERIC.output.thinkingStart,
      thinkingEnd: output.thinking_end ?? GENERIC.output.thinkingEnd,
      toolCalls: output.tool_calls,
      stopTexts: output.stop_texts ?? [],
      stopTokenIds: output.stop_token_ids ?? [],
    },
    sampling: {
      thinking: samplingOf(sampling.thinking),
      toolCalls: samplingOf(sampling.tool_calls),
      text: samplingOf(sampling.text),
    },
  };
}

function offOf(off: NonNullable<ModelFile['thinking']['off']>): {
  templateArguments?: JsonObject;
  systemText?: string;
} {
  return {
    ...(off.arguments === undefined ? {} : { templateArguments: off.arguments }),
    ...(off.system_text === undefined ? {} : { systemText: off.system_text }),
  };
}

function samplingOf(values: NonNullable<ModelFile['sampling']>['text'] = {}): Sampling {
  return {
    ...(values.temperature === undefined ? {} : { temperature: values.temperature }),
    ...(values.top_p === undefined ? {} : { topP: values.top_p }),
    ...(values.top_k === undefined ? {} : { topK: values.top_k }),
    ...(values.max_tokens_at_least === undefined ? {} : { maxTokensAtLeast: values.max_tokens_at_least }),
  };
}

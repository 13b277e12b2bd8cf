// Owns the reading of a model's folder: its chat template, its special tokens, its tokenizer. Knows no engine.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import type { ModelProfile } from '../contracts/model-profile.ts';
import type { SpecialTokens } from './conversation.ts';
import { createPromptFormat, type Template } from './create.ts';
import type { TokenizerFiles } from './counting-thread.ts';
import type { PromptFormat } from './format.ts';
import { countBeside } from './long-texts.ts';
import { textTokenizer, type TextTokenizer } from './tokenizer.ts';

const CONFIG = 'tokenizer_config.json';
const TOKENIZER = 'tokenizer.json';
const TEMPLATE = 'chat_template.jinja';
const OLD_TEMPLATE = 'chat_template.json';
const ADDITIONAL = 'additional_chat_templates';
const DEFAULT = 'default';
const TOOL_USE = 'tool_use';
const HINT = 'Give the folder that the model was downloaded to, with all the small files beside its weights.';

/**
 * Throws `config_invalid`, with the file and the line where they are known, if the folder or its template is missing or does not
 * parse. Without a tokenizer no tokens are counted: `remarks` says so.
 */
export async function loadPromptFormat(folder: string, profile: ModelProfile): Promise<PromptFormat> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() !== true) throw mistake(`${folder} is not a folder with a model`, folder);
  const given = await readObject(join(folder, CONFIG));
  const config = given ?? {};
  const templates = await templatesOf(folder, config);
  const tokenizer = await tokenizerOf(folder, config);
  return createPromptFormat({
    ...templates,
    profile,
    specialTokens: specialTokensOf(config),
    ...(tokenizer === undefined ? {} : { tokenizer, countLong: countBeside(filesIn(folder, given)) }),
  });
}

type Config = Readonly<Record<string, unknown>>;

/** Of several, `default` is for all requests and `tool_use` for those that offer tools, as transformers chooses. */
async function templatesOf(
  folder: string,
  config: Config,
): Promise<Required<Template> & { readonly toolUse?: Template }> {
  const file = join(folder, TEMPLATE);
  const own = await readText(file);
  const named = own === undefined ? await configuredIn(folder, config) : new Map([[DEFAULT, { template: own, file }]]);
  const toolUse = (await additional(folder, TOOL_USE)) ?? named.get(TOOL_USE);
  const main = (await additional(folder, DEFAULT)) ?? named.get(DEFAULT);
  const found = main ?? named.values().next().value ?? toolUse;
  if (found === undefined)
    throw mistake(`the model has no chat template: neither ${TEMPLATE} nor chat_template in ${CONFIG}`, folder);
  return { ...found, ...(toolUse === undefined ? {} : { toolUse }) };
}

async function additional(folder: string, name: string): Promise<Required<Template> | undefined> {
  const file = join(folder, ADDITIONAL, `${name}.jinja`);
  const template = await readText(file);
  return template === undefined ? undefined : { template, file };
}

/** Those of older models, which stand in JSON: one, or a list with names. */
async function configuredIn(folder: string, config: Config): Promise<Map<string, Required<Template>>> {
  const [given, file] =
    config['chat_template'] === undefined
      ? [(await readObject(join(folder, OLD_TEMPLATE)))?.['chat_template'], join(folder, OLD_TEMPLATE)]
      : [config['chat_template'], join(folder, CONFIG)];
  const entries: readonly unknown[] = Array.isArray(given) ? given : [{ name: DEFAULT, template: given }];
  const found = new Map<string, Required<Template>>();
  for (const entry of entries) {
    const { name, template }: Config = typeof entry === 'object' && entry !== null ? { ...entry } : {};
    if (typeof name === 'string' && typeof template === 'string') found.set(name, { template, file });
  }
  return found;
}

function specialTokensOf(config: Config): SpecialTokens {
  const tokens = Object.entries(config).filter(([name]) => name.endsWith('_token'));
  return Object.fromEntries(tokens.map(([name, token]) => [name, textOfToken(token)]));
}

function textOfToken(token: unknown): string | undefined {
  if (typeof token === 'string') return token;
  const content = typeof token === 'object' && token !== null ? (token as Config)['content'] : undefined;
  return typeof content === 'string' ? content : undefined;
}

async function tokenizerOf(folder: string, config: Config): Promise<TextTokenizer | undefined> {
  const file = join(folder, TOKENIZER);
  const definition = await readObject(file);
  if (definition === undefined) return undefined;
  try {
    return textTokenizer(definition, config);
  } catch (cause) {
    throw mistake(`the tokenizer cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, file);
  }
}

/** What the thread for long texts reads by itself: to hand its contents over would cost as much as to read them. */
function filesIn(folder: string, config: Config | undefined): TokenizerFiles {
  return { definition: join(folder, TOKENIZER), ...(config === undefined ? {} : { config: join(folder, CONFIG) }) };
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw mistake(`the file cannot be read: ${(error as Error).message}`, file);
  }
}

async function readObject(file: string): Promise<Config | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Config;
  } catch (error) {
    throw mistake(`the file is not valid JSON: ${(error as Error).message}`, file);
  }
  throw mistake('the file holds no JSON object', file);
}

function mistake(message: string, file: string): CaissonError {
  return new CaissonError('config_invalid', message, { place: { file }, hint: HINT });
}

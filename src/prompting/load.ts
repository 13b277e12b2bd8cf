// Owns the reading of a model's folder: its chat template, its special tokens, its tokenizer. Knows no engine.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '../base/errors.ts';
import type { ModelProfile } from '../contracts/model-profile.ts';
import type { SpecialTokens } from './conversation.ts';
import { createPromptFormat } from './create.ts';
import type { PromptFormat } from './format.ts';
import { textTokenizer, type TextTokenizer } from './tokenizer.ts';

const CONFIG = 'tokenizer_config.json';
const TOKENIZER = 'tokenizer.json';
const TEMPLATE = 'chat_template.jinja';
const HINT = 'Give the folder that the model was downloaded to, with all the small files beside its weights.';

/**
 * Throws `config_invalid`, with the file and the line where they are known, if the folder or its template is missing or does not
 * parse. Without a tokenizer no tokens are counted: `remarks` says so.
 */
export async function loadPromptFormat(folder: string, profile: ModelProfile): Promise<PromptFormat> {
  const found = await stat(folder).catch(() => undefined);
  if (found?.isDirectory() !== true) throw mistake(`${folder} is not a folder with a model`, folder);
  const config = (await readObject(join(folder, CONFIG))) ?? {};
  const { template, file } = await templateOf(folder, config);
  const tokenizer = await tokenizerOf(folder, config);
  return createPromptFormat({
    template,
    file,
    profile,
    specialTokens: specialTokensOf(config),
    ...(tokenizer === undefined ? {} : { tokenizer }),
  });
}

type Config = Readonly<Record<string, unknown>>;

async function templateOf(
  folder: string,
  config: Config,
): Promise<{ readonly template: string; readonly file: string }> {
  const file = join(folder, TEMPLATE);
  const own = await readText(file);
  if (own !== undefined) return { template: own, file };
  const given = config['chat_template'] ?? (await readObject(join(folder, 'chat_template.json')))?.['chat_template'];
  const template = Array.isArray(given) ? namedTemplate(given) : given;
  if (typeof template === 'string') return { template, file: join(folder, CONFIG) };
  throw mistake(`the model has no chat template: neither ${TEMPLATE} nor chat_template in ${CONFIG}`, folder);
}

/** Old models have several templates by name. */
function namedTemplate(given: readonly unknown[]): unknown {
  const named = given.filter((entry): entry is Config => typeof entry === 'object' && entry !== null);
  return named.find(({ name }) => name === 'default')?.['template'] ?? named[0]?.['template'];
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

// Owns the reading of the set-up that README.md prints for each client. Knows no client and runs nothing.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const README = join(import.meta.dirname, '..', '..', 'README.md');
const HEADING = '## Point your tools at it';
const ADDRESS = 'http://localhost:8484';
const MODEL = 'nemotron';

export interface Setup {
  readonly client: string;
  /** Below the home of the person; undefined: words for the shell. */
  readonly file: string | undefined;
  readonly language: string;
  readonly text: string;
}

/** In the order of the page. Throws if the section is not there. */
export function readSetups(): readonly Setup[] {
  const section = readFileSync(README, 'utf8').split(`\n${HEADING}\n`)[1]?.split('\n## ')[0];
  if (section === undefined) throw new Error(`README.md has no section ${HEADING}`);
  const blocks = section.matchAll(/^\*\*(.+?)\*\*: (.*)\n\n```(\w+)\n([^]*?)\n```$/gm);
  return [...blocks].map(([, client = '', place = '', language = '', text = '']) => {
    return { client, file: /^`~\/([^`]+)`/.exec(place)?.[1], language, text };
  });
}

/** As a person fills it in. */
export function filledIn({ text }: Setup, address: string, model: string): string {
  return text.replaceAll(ADDRESS, address).replaceAll(MODEL, model);
}

/** What a settings file says. Throws where it is not in its language. */
export function valueOf({ language, text }: Setup): unknown {
  if (language === 'json') return JSON.parse(text);
  if (language === 'yaml') return parse(text);
  if (language === 'toml') return tomlValue(text);
  throw new Error(`there is no reader for ${language}`);
}

/** The part of TOML that the page uses: a line for a key, with a text, a number, a truth value or a table. */
function tomlValue(text: string): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  for (const line of text.split('\n')) {
    const found = /^((?:[\w-]+\.)*)([\w-]+) = (.+)$/.exec(line);
    if (found === null) throw new Error(`not a line of TOML: ${line}`);
    const [, path = '', key = '', value = ''] = found;
    const names = path.split('.').filter((name) => name !== '');
    let table = whole;
    for (const name of names) table = (table[name] ??= {}) as Record<string, unknown>;
    if (Object.hasOwn(table, key)) throw new Error(`the key ${key} stands there twice`);
    table[key] = JSON.parse(value.replaceAll(/([{,] )([\w-]+) = /g, '$1"$2": '));
  }
  return whole;
}

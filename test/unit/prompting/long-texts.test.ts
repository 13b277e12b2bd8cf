// Shows that long texts are counted on a thread of their own, that it ends when it is idle, and what becomes of a count that fails.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { loadPromptFormat } from '../../../src/prompting/load.ts';
import { countBeside } from '../../../src/prompting/long-texts.ts';
import { profileOf } from './reading.ts';

const TOKENIZER = {
  version: '1.0',
  added_tokens: [],
  normalizer: null,
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: null,
  decoder: null,
  model: { type: 'WordLevel', vocab: { Hi: 0, there: 1, '[UNK]': 2 }, unk_token: '[UNK]' },
};
const CONFIG = { unk_token: '[UNK]', tokenizer_class: 'PreTrainedTokenizerFast' };
const LONG = 'Hi there\n'.repeat(50_000);
const IDLE_MS = 50;

function modelFolder(context: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-model-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const definition = join(folder, 'tokenizer.json');
  const config = join(folder, 'tokenizer_config.json');
  writeFileSync(definition, JSON.stringify(TOKENIZER));
  writeFileSync(config, JSON.stringify({ ...CONFIG, chat_template: '{{ messages[0].content }}' }));
  return { folder, definition, config };
}

/** Threads that this process has beside its own. */
const threads = () =>
  process.getActiveResourcesInfo().filter((name) => name === 'MessagePort' || name === 'Worker').length;

test('a long text has as many tokens as its lines, and the thread that serves goes on meanwhile', async (context) => {
  const { folder } = modelFolder(context);
  const format = await loadPromptFormat(folder, profileOf('xml'));
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 1);
  const [long, short] = await Promise.all([format.countTokens(LONG), format.countTokens('Hi there')]);
  clearInterval(timer);
  assert.deepEqual([long, short], [100_000, 2]);
  assert.ok(turns > 1, String(turns));
});

test('several counts at once come back each with its own text, and a thread that was idle is started again', async (context) => {
  const { definition, config } = modelFolder(context);
  const count = countBeside({ definition, config }, IDLE_MS);
  const ask = () => Promise.all([1, 2, 3].map((times) => count('Hi there\n'.repeat(times))));
  assert.deepEqual(await ask(), [2, 4, 6]);
  while (threads() > 0) await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  assert.deepEqual(await ask(), [2, 4, 6]);
});

test('a count is undefined where the thread cannot read the tokenizer, and the next one tries again', async (context) => {
  const { definition, config } = modelFolder(context);
  writeFileSync(definition, '{');
  const count = countBeside({ definition, config });
  assert.deepEqual(await Promise.all([count('Hi'), count('there')]), [undefined, undefined]);
  writeFileSync(definition, JSON.stringify(TOKENIZER));
  assert.equal(await count('Hi there'), 2);
});

test('an idle thread keeps no process alive, and one that counts does until it has counted', async (context) => {
  const { folder, definition, config } = modelFolder(context);
  const module = JSON.stringify(new URL('../../../src/prompting/long-texts.ts', import.meta.url).href);
  const files = JSON.stringify({ definition, config });
  const script = join(folder, 'count.mjs');
  writeFileSync(
    script,
    `import { countBeside } from ${module};\nconsole.log(await countBeside(${files}, 3_600_000)('Hi there'));`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [script], { timeout: 15_000 });
  assert.equal(stdout, '2\n');
});

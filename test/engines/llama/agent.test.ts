// Shows that a whole run of the agent works on a real llama.cpp, chosen by configuration alone.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { LlamaBackend } from '../../../src/backends/llama/backend.ts';
import { makeRepo, testHouse } from '../../whole/house.ts';
import { backendOf, engineOrWhy, modelFolder, settingsOf, writeModel } from './scenes.ts';
import { mark } from './scripted-model.ts';

const found = await engineOrWhy();
const skip = typeof found === 'string' ? found : false;
const folder = await modelFolder();
const run = promisify(execFile);

const call = (thought: string, name: string, values: Readonly<Record<string, string>>): string => {
  const parts = Object.entries(values).map(([key, value]) => `<parameter=${key}>\n${value}\n</parameter>\n`);
  return `${thought}\n</think>\n\n<tool_call>\n<function=${name}>\n${parts.join('')}</function>\n</tool_call>`;
};

/** What a turn leaves in the conversation names the next one. */
const PLAYS = [
  { text: call('Off by one.', 'bash', { command: `echo 42 > answer.txt # ${mark(1)}` }) },
  { text: call('Done.', 'finish', { summary: 'It was off by one.', checked: 'all of it' }) },
];

/** For the repository of the demo, whose task names no play. */
const DEMO = [
  {
    text: call('The slugger forgets what it gave out.', 'edit', {
      path: 'src/slugger.js',
      old: [
        '    const count = (counts.get(base) ?? 0) + 1;',
        '    counts.set(base, count);',
        '    return count === 1 ? base : `${base}${separator}${count}`;',
      ].join('\n'),
      new: [
        `    let count = (counts.get(base) ?? 0) + 1; // ${mark(1)}`,
        '    let anchor = count === 1 ? base : `${base}${separator}${count}`;',
        '    while (counts.has(anchor)) anchor = `${base}${separator}${(count += 1)}`;',
        '    counts.set(base, count);',
        '    if (anchor !== base) counts.set(anchor, 1);',
        '    return anchor;',
      ].join('\n'),
    }),
  },
  { text: call('Done.', 'finish', { summary: 'It remembers what it gave out.', checked: 'node --test' }) },
];

describe('the agent on a real llama.cpp', { skip }, () => {
  let file = '';
  let backend: LlamaBackend;
  before(async () => {
    if (typeof found === 'string') return;
    file = await writeModel(folder, PLAYS);
    backend = await backendOf(settingsOf(found, file, { slots: 1 }));
  });
  after(() => backend.close());

  test('a run mends a repository, and its second step evaluates little more than what is new', async (t) => {
    if (typeof found === 'string') return;
    const house = await testHouse(t, { backends: [backend], settings: settingsOf(found, file) });
    const repo = await makeRepo(t, {
      'answer.txt': '41\n',
      '.caisson.yaml': 'checks:\n  - name: answer\n    run: test "$(cat answer.txt)" = 42\n',
    });
    const record = await house.work(repo, { task: 'Mend it.' });
    assert.deepEqual(record.end, { end: 'done', verified: true });
    assert.match(JSON.stringify(await house.runs.patch(record.id)), /-41.*\+42/);
    const events = await house.events(record.id);
    const used = events.flatMap(({ body }) => (body.type === 'model_answered' ? [body.usage] : []));
    const cached = used.map((usage) => (usage?.cachedTokens ?? 0) / (usage?.promptTokens ?? 1));
    assert.equal(used.length, 2);
    assert.ok((cached[1] ?? 0) > 0.9, JSON.stringify(used));
  });

  test('the demo with --gguf ends with checks that passed', async () => {
    if (typeof found === 'string') return;
    const file = await writeModel(folder, DEMO);
    const demo = join(import.meta.dirname, '../../demo/demo.ts');
    const argv = ['--disable-warning=ExperimentalWarning', demo, '--gguf', file, '--engine-folder', found.folder];
    const { stdout } = await run(process.execPath, argv, { timeout: 300_000 });
    for (const words of [/tests: failed .* → passed/, /journal verified: \d+ events/, /refs\/heads\/caisson\/demo is/])
      assert.match(stdout, words);
    assert.doesNotMatch(stdout, /Recorded: the replies/);
  });
});

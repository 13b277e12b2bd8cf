// Shows that the profiles which load at once are those of the model files. CAISSON_WRITE_PROFILES=1 writes them anew.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCatalogue } from '../../../src/models/catalogue.ts';
import { profileOf } from '../../../src/models/profile.ts';
import { SHIPPED_PROFILES } from '../../../src/models/profiles.ts';
import { profilesBy } from '../../../src/repairs.ts';
import { makeFolder } from '../config/folder.ts';

const { files } = await readCatalogue();
const known = files.map(({ model, builds = [], template, thinking, output, sampling }) => ({
  model: { name: model.name },
  builds: builds.map(({ name, repository }) => ({ name, ...(repository === undefined ? {} : { repository }) })),
  template,
  thinking,
  output,
  ...(sampling === undefined ? {} : { sampling }),
}));
if (process.env['CAISSON_WRITE_PROFILES'] === '1')
  writeFileSync(SHIPPED_PROFILES, `${JSON.stringify(known, undefined, 1)}\n`);

test('profiles.json says what the model files say: otherwise run this test with CAISSON_WRITE_PROFILES=1', () => {
  assert.deepEqual(JSON.parse(readFileSync(SHIPPED_PROFILES, 'utf8')), known);
});

test('every name of a model or a build has the profile that its model file gives', async () => {
  const fast = await profilesBy(undefined)();
  const names = files.flatMap(({ model, builds = [] }) => [
    model.name,
    ...builds.flatMap(({ name, repository = '' }) => [name, repository, `/models/${name}.gguf`]),
  ]);
  for (const name of [...names, 'm', '', 'nvidia/nemotron-3-super-120b-a12b', '__proto__'])
    assert.deepEqual(fast(name), profileOf(files, name), name);
});

test('a model file of the site comes before the shipped one', async (context) => {
  const folder = await makeFolder(context);
  const text = readFileSync(join(SHIPPED_PROFILES, '..', 'nemotron-3-nano-30b-a3b.yaml'), 'utf8');
  await folder.write('own.yaml', text.replace('tool_calls: { temperature: 0.6', 'tool_calls: { temperature: 0.1'));
  const own = await profilesBy(folder.path)();
  assert.deepEqual(
    [own('nemotron-3-nano-30b-a3b').sampling.toolCalls, own('nemotron-3-ultra-550b-a55b').name],
    [{ temperature: 0.1, topP: 0.95 }, 'nemotron-3-ultra-550b-a55b'],
  );
});

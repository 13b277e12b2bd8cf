// Shows the part of the configuration about models: the folder of the site, other names, where each is written.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { showConfig } from '../../../src/config/show.ts';
import { makeFolder, refusalOf } from './folder.ts';

test('the folder is relative to the file that names it, and the environment names another', async (context) => {
  const folder = await makeFolder(context);
  await folder.write('user.yaml', 'models: { folder: my-models, aliases: { GPT-5: big } }\n');
  const of = async (env: NodeJS.ProcessEnv) => (await loadConfig(folder.sources({ env }))).models;
  assert.deepEqual(await of({}), { folder: join(folder.path, 'my-models'), aliases: { 'GPT-5': 'big' } });
  assert.deepEqual(await of({ CAISSON_MODELS_FOLDER: '/srv/models' }), {
    folder: '/srv/models',
    aliases: { 'GPT-5': 'big' },
  });
});

test('aliases are shown as they are written, with their place', async (context) => {
  const folder = await makeFolder(context);
  await folder.write('user.yaml', 'models:\n  aliases:\n    GPT-5: big\n    "a b": big\n');
  const shown = showConfig(await loadConfig(folder.sources()), { origin: true });
  assert.match(shown, /^models:\n {2}aliases:\n {4}GPT-5: big +# \S+user\.yaml:3\n {4}"a b": big +# \S+user\.yaml:4$/m);
});

test('an alias may hide no model that a backend of any file declares', async (context) => {
  const folder = await makeFolder(context);
  await folder.write('system.yaml', 'backends: [{ name: gpu, type: openai, url: "http://gpu/v1", models: [big] }]\n');
  await folder.write('user.yaml', 'models: { aliases: { big: small } }\n');
  const { code, message, place } = await refusalOf(loadConfig(folder.sources()));
  assert.deepEqual(
    [code, message, place],
    [
      'config_invalid',
      `${join(folder.path, 'user.yaml')}:1: the alias hides the model big, which is served`,
      { field: 'models.aliases.big' },
    ],
  );
});

test('a repository may set neither', async (context) => {
  const folder = await makeFolder(context);
  await folder.write('repo/.caisson.yaml', 'models: { folder: here }\n');
  const { message } = await refusalOf(loadConfig(folder.sources()));
  assert.match(
    message,
    /^a repository may set checks, setup, model, limits and nothing else: models belongs in your own/,
  );
});

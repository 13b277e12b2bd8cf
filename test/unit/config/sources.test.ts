// Shows where the surroundings are read from: standard folders, the variable that names a file, the current directory.
import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { currentSources } from '../../../src/config/sources.ts';

const NAMES = ['XDG_CONFIG_HOME', 'CAISSON_CONFIG'] as const;
const before = NAMES.map((name) => [name, process.env[name]] as const);

afterEach(() => {
  for (const [name, value] of before)
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
});

test('without a wish the user’s file lies in ~/.config and the system’s in /etc', () => {
  for (const name of NAMES) delete process.env[name];
  assert.deepEqual(currentSources({}), {
    flags: [],
    env: process.env,
    home: homedir(),
    cwd: process.cwd(),
    isRoot: process.getuid?.() === 0,
    systemFile: '/etc/caisson/caisson.yaml',
    userFile: join(homedir(), '.config', 'caisson', 'caisson.yaml'),
  });
});

test('XDG_CONFIG_HOME counts if it is absolute, CAISSON_CONFIG names a file, and --config beats it', () => {
  process.env['XDG_CONFIG_HOME'] = '/srv/config';
  process.env['CAISSON_CONFIG'] = 'mine.yaml';
  const { userFile, explicitFile } = currentSources({});
  assert.deepEqual([userFile, explicitFile], ['/srv/config/caisson/caisson.yaml', join(process.cwd(), 'mine.yaml')]);
  process.env['XDG_CONFIG_HOME'] = 'relative';
  const wished = currentSources({ explicitFile: '/other.yaml', projectDir: 'repo' });
  assert.deepEqual(
    [wished.userFile, wished.explicitFile, wished.projectDir],
    [join(homedir(), '.config', 'caisson', 'caisson.yaml'), '/other.yaml', join(process.cwd(), 'repo')],
  );
});

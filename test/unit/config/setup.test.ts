// Owns the proof of what the configuration may say of set-ups: the site everything, a repository its commands and files.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';
import { makeFolder, refusalOf } from './folder.ts';

test('the site says where packages come from and for how long they are kept, the repository what to run', async (context) => {
  const folder = await makeFolder(context);
  const site = { mirrors: { npm: 'http://mirror.example/npm' }, detect: false, secrets: ['NPM_TOKEN'], keep_days: 3 };
  await folder.write('system.yaml', JSON.stringify({ setup: { ...site, cache_bytes: 1000, disk_percent: 80 } }));
  await folder.write(
    'repo/.caisson.yaml',
    'setup:\n  run: npm ci\n  files: [package.json, ./lib]\n  on_failure: go_on\n',
  );
  const { setup, origins } = await loadConfig(folder.sources());
  assert.deepEqual(setup, {
    run: ['npm ci'],
    files: ['package.json', './lib'],
    onFailure: 'go_on',
    detect: false,
    mirrors: site.mirrors,
    secrets: ['NPM_TOKEN'],
    keepDays: 3,
    cacheBytes: 1000,
    diskPercent: 80,
  });
  assert.match(origins.get('setup.run') ?? '', /repo\/\.caisson\.yaml:2$/);
});

describe('refused with its place', () => {
  const mistakes: readonly (readonly [
    name: string,
    file: string,
    text: string,
    message: RegExp,
    place: readonly [number, number],
  ])[] = [
    [
      'a mirror in a repository',
      'repo/.caisson.yaml',
      'setup:\n  run: make\n  mirrors: {npm: "http://evil.example"}\n',
      /^a repository may set run, files, on_failure of setup and nothing else: mirrors belongs in your own or the system's file$/,
      [3, 3],
    ],
    [
      'a secret in a repository',
      'repo/.caisson.yaml',
      'setup:\n  secrets: [T]\n',
      /secrets belongs in your own/,
      [2, 3],
    ],
    ['an unknown key', 'user.yaml', 'setup:\n  runs: make\n', /there is no "runs"/, [2, 3]],
    ['a command of nothing', 'user.yaml', 'setup:\n  run: ["  "]\n', /a command/, [2, 9]],
    [
      'a path outside',
      'user.yaml',
      'setup:\n  files: [../x]\n',
      /a path in the repository, such as package\.json/,
      [2, 11],
    ],
    ['an absolute path', 'user.yaml', 'setup:\n  files: [/etc/passwd]\n', /a path in the repository/, [2, 11]],
    [
      'a mirror that is no address',
      'user.yaml',
      'setup:\n  mirrors: {pip: mirror}\n',
      /expected an address such as/,
      [2, 18],
    ],
    [
      'a mirror with a password',
      'user.yaml',
      'setup:\n  mirrors: {go: "http://u:p@h"}\n',
      /no user name and no password/,
      [2, 17],
    ],
    ['a mirror of something else', 'user.yaml', 'setup:\n  mirrors: {apt: "http://h"}\n', /there is no "apt"/, [2, 13]],
  ];
  for (const [name, file, text, message, [line, column]] of mistakes)
    test(name, async (context) => {
      const folder = await makeFolder(context);
      const path = await folder.write(file, text);
      const error = await refusalOf(loadConfig(folder.sources()));
      assert.match(error.message, message);
      const { place } = error;
      assert.deepEqual([place?.file, place?.line, place?.column], [path, line, column]);
    });
});

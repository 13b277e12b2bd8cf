// Shows that what README.md prints for nine clients is in its language, short, and names the service, the model and a key.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { filledIn, readSetups, type Setup, valueOf } from './setup.ts';

const NEW_ADDRESS = 'https://gpu.example:1234';
const NEW_MODEL = 'another-model';

test('the page sets up nine clients, each in at most five lines', () => {
  const setups = readSetups();
  assert.deepEqual(
    setups.map(({ client, file, language }) => ({ client, file, language })),
    [
      { client: 'Codex', file: '.codex/config.toml', language: 'toml' },
      { client: 'Claude Code', file: undefined, language: 'sh' },
      { client: 'opencode', file: '.config/opencode/opencode.json', language: 'json' },
      { client: 'Qwen Code', file: undefined, language: 'sh' },
      { client: 'pi', file: '.pi/agent/models.json', language: 'json' },
      { client: 'Cline', file: undefined, language: 'sh' },
      { client: 'Continue', file: '.continue/config.yaml', language: 'yaml' },
      { client: 'Kimi Code', file: '.kimi-code/config.toml', language: 'toml' },
      { client: 'Kilo', file: '.config/kilo/kilo.json', language: 'json' },
    ],
  );
  assert.deepEqual(
    setups.filter(({ text }) => text.split('\n').length > 5).map(({ client }) => client),
    [],
  );
});

for (const setup of readSetups()) {
  test(`what is printed for ${setup.client} parses, and names the service, the model and a key`, () => {
    const filled = { ...setup, text: filledIn(setup, NEW_ADDRESS, NEW_MODEL) };
    const words = filled.language === 'sh' ? shellWords(filled) : leaves(valueOf(filled));
    // Anthropic's clients add /v1 themselves.
    const address = setup.client === 'Claude Code' ? NEW_ADDRESS : `${NEW_ADDRESS}/v1`;
    assert.deepEqual(
      {
        address: words.includes(address),
        model: words.some((word) => word === NEW_MODEL || word === `caisson/${NEW_MODEL}`),
        key: words.some((word) => /^(?:\{env:CAISSON_KEY\}|CAISSON_KEY|csn_\w+)$/.test(word)),
      },
      { address: true, model: true, key: true },
    );
  });
}

test('a setup that is not in its language is refused', () => {
  const broken = (language: string, text: string): Setup => ({ client: 'x', file: 'x', language, text });
  assert.throws(() => valueOf(broken('json', '{ "model": }')));
  assert.throws(() => valueOf(broken('yaml', 'models: [ { a: 1 ]')));
  assert.throws(() => valueOf(broken('toml', 'model = nemotron')));
  assert.throws(() => valueOf(broken('toml', 'model = "a"\nmodel = "b"')));
  assert.throws(() => shellWords(broken('sh', 'export A="open')));
});

/** Runs it in a shell where every program only tells its words; the environment is told as well. */
function shellWords({ text }: Setup): readonly string[] {
  const programs = ['claude', 'qwen', 'cline'].map((name) => `${name}() { printf '%s\\n' "$@"; env | cut -d= -f2-; }`);
  const script = `set -eu\nCAISSON_KEY=csn_given\n${programs.join('\n')}\n${text}\n`;
  const done = spawnSync('sh', ['-c', script], { encoding: 'utf8', env: { PATH: process.env['PATH'] } });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.split('\n');
}

function leaves(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [String(value)];
  return Object.values(value).flatMap(leaves);
}

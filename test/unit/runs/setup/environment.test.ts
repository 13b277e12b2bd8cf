// Owns the proof that the mirrors of a site reach the programs of a set-up, whatever characters their addresses hold. Real bash.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { environmentText } from '../../../../src/runs/setup/environment.ts';

function environmentIn(
  t: TestContext,
  text: string,
): { readonly home: string; readonly all: Readonly<Record<string, string>> } {
  const home = mkdtempSync(join(tmpdir(), 'caisson-mirrors-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const env = { HOME: home, PATH: '/usr/bin:/bin' };
  const printed = execFileSync('bash', ['-c', `${text}\nenv -0`], { env, encoding: 'utf8' });
  const pairs = printed
    .split('\0')
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]);
  const ours = pairs.filter(([name = '']) => !['HOME', 'PATH', 'PWD', 'SHLVL', '_', ''].includes(name));
  return { home, all: Object.fromEntries(ours) as Record<string, string> };
}

const ALWAYS = { CI: 'true', npm_config_update_notifier: 'false', PIP_DISABLE_PIP_VERSION_CHECK: '1' };

test('without mirrors there are no addresses', (t) => {
  assert.deepEqual(environmentIn(t, environmentText({})).all, ALWAYS);
});

test('each mirror is told to its tools; one without TLS is trusted by name', (t) => {
  const mirrors = {
    npm: "https://mirror.example/it's/npm?",
    pip: 'http://10.1.2.3:8080/simple',
    cargo: 'https://mirror.example/cargo/"$x"/',
    go: 'https://mirror.example/go',
  };
  const { home, all } = environmentIn(t, environmentText(mirrors));
  assert.deepEqual(all, {
    ...ALWAYS,
    npm_config_registry: mirrors.npm,
    YARN_REGISTRY: mirrors.npm,
    YARN_NPM_REGISTRY_SERVER: mirrors.npm,
    PIP_INDEX_URL: mirrors.pip,
    UV_DEFAULT_INDEX: mirrors.pip,
    UV_INDEX_URL: mirrors.pip,
    PIP_TRUSTED_HOST: '10.1.2.3:8080',
    UV_INSECURE_HOST: '10.1.2.3:8080',
    GOPROXY: mirrors.go,
    GOSUMDB: 'off',
  });
  assert.equal(
    readFileSync(join(home, '.cargo', 'config.toml'), 'utf8'),
    '[source.crates-io]\nreplace-with = "site"\n[source.site]\nregistry = "sparse+https://mirror.example/cargo/\\"$x\\"/"\n',
  );
});

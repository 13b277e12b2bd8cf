// Owns the proof that the two containers do the whole work together, and each has only what is its own. The replies are recorded.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { must } from './docker.ts';
import { IMAGES } from './images.ts';
import { openScene, type Scene } from './scene.ts';

const TESTS = `${join(import.meta.dirname, '..')}:/opt/caisson/test:ro`;
const CAISSON = '/opt/caisson/bin/caisson';
const REPO = '/tmp/work/slugify-js';
const TASK = 'The tests of this library fail. Find out why, mend the library and make the tests pass.';
const MOST_BYTES = 400e6;
const CONFIG = `\
server: {host: 0.0.0.0, allowed_hosts: [localhost, 127.0.0.1, serve]}
backends: [{name: engine, type: openai, url: "http://127.0.0.1:8000/v1"}]
model: recorded
`;

interface Pair {
  readonly serve: string;
  readonly runner: string;
}

async function startBoth(t: TestContext, { services, start, healthy }: Scene): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-container-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const config = join(folder, 'caisson.yaml');
  writeFileSync(config, CONFIG, { mode: 0o644 });
  const runner = await start('runner', services.runner);
  await healthy(runner);
  const mounts = ['--volume', TESTS, '--volume', `${config}:/etc/caisson/caisson.yaml:ro`];
  const serve = await start('serve', services.serve, { image: 'serve', also: mounts });
  await healthy(serve);
  // On the loopback of the service: what a firewall of this host lets through between networks does not matter then.
  const engine = { ...services.serve, networks: [`container:${serve}`], volumes: [] };
  const also = ['--volume', TESTS, '--no-healthcheck'];
  await start('engine', engine, { also, entrypoint: 'node', command: ['/opt/caisson/test/container/replies.ts'] });
  return { serve, runner };
}

/** Output of a program in a container; fails the test if it fails. */
async function told(scene: Scene, container: string, words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await scene.exec(container, words);
  assert.equal(code, 0, `${words.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

test('a run goes from a task to a verified patch: the service decides, and the runner executes behind a socket', async (t) => {
  const scene = openScene(t);
  const { serve, runner } = await startBoth(t, scene);
  const make = "import('/opt/caisson/test/fixtures/make.ts').then((one) => one.makeFixture('slugify-js', '/tmp/work'))";
  await told(scene, serve, ['node', '-e', make]);
  const service = ['--data-dir', '/home/caisson/data'];
  const apply = ['--apply', 'caisson/mended', '--yes'];
  const words = [CAISSON, 'run', TASK, '--repo', REPO, ...apply, ...service];
  const ran = await told(scene, serve, words);
  const run = /^run {5}(run_\w+)/m.exec(ran)?.[1] ?? '';
  assert.match(run, /^run_/, ran);

  const diff = await told(scene, serve, [CAISSON, 'diff', run, ...service]);
  assert.match(diff, /^\+ {4}while \(counts\.has\(anchor\)\) \{$/m);
  const events = await told(scene, serve, [CAISSON, 'show', run, '--json', ...service]);
  const ended = events.split('\n').flatMap((line) => {
    const { body } = JSON.parse(line) as { readonly body: { readonly type: string; readonly end?: string } };
    return body.type === 'run_ended' ? [body.end] : [];
  });
  assert.deepEqual(ended, ['done']);
  assert.match(await told(scene, serve, [CAISSON, 'journal', 'verify', ...service]), /\bok\b|verified|sound|intact/i);
  assert.match(
    await told(scene, serve, ['git', '-C', REPO, 'log', '-1', '--format=%H', 'caisson/mended']),
    /^[0-9a-f]{40}$/,
  );

  await t.test('the service has no right that it could lend, and the runner’s process none either', async () => {
    const statusOf = async (container: string) => {
      const status = await told(scene, container, ['node', '-e', STATUS_OF_CAISSON]);
      return Object.fromEntries(status.split('\n').map((line) => line.split(':\t')));
    };
    const none = '0000000000000000';
    const [ofServe, ofRunner] = [await statusOf(serve), await statusOf(runner)];
    assert.deepEqual(ofServe, { Uid: '10001', CapEff: none, CapBnd: none, NoNewPrivs: '1' });
    const { CapBnd, ...rest } = ofRunner;
    assert.deepEqual(rest, { Uid: '10001', CapEff: none, NoNewPrivs: '0' });
    assert.notEqual(CapBnd, none, 'firejail is set-uid and gets them');
  });

  await t.test(
    'the service has no firejail, and the runner neither journal nor keys, though it has the boxes',
    async () => {
      assert.notEqual((await scene.exec(serve, ['which', 'firejail'])).code, 0);
      assert.match(await told(scene, runner, ['which', 'firejail']), /\/firejail$/);
      const listed = async (container: string) =>
        (await told(scene, container, ['ls', '/home/caisson/data']))
          .split('\n')
          .filter((name) => !name.endsWith('-wal'));
      assert.ok((await listed(serve)).includes('caisson.db'));
      assert.deepEqual(await listed(runner), ['canary']);
      assert.deepEqual((await told(scene, runner, ['ls', '/home/caisson/boxes'])).split('\n'), [
        'kept',
        'runs',
        'toolbox',
      ]);
    },
  );

  await t.test('the runner reaches neither the service nor the engine over a network', async () => {
    const ask = (host: string) =>
      `fetch('http://${host}/').then(() => console.log('reached'), (e) => console.log(e.cause.code))`;
    const answer = async (container: string, host: string) =>
      (await told(scene, container, ['node', '-e', ask(host)])).trim();
    assert.equal(await answer(serve, '127.0.0.1:8000'), 'reached', 'positive control');
    assert.equal(await answer(runner, '127.0.0.1:8000'), 'ECONNREFUSED');
    assert.equal(await answer(serve, 'serve:8484'), 'reached', 'positive control');
    assert.match(await answer(runner, 'serve:8484'), /^(?:ENOTFOUND|EAI_AGAIN)$/);
  });
});

/** Of the process that is Caisson in its container: the first below init. */
const STATUS_OF_CAISSON = `
const fs = require('node:fs');
const pids = fs.readdirSync('/proc').filter((name) => /^\\d+$/.test(name));
const isIt = (pid) => pid !== '1' && fs.readFileSync('/proc/' + pid + '/cmdline', 'utf8').includes('bin/caisson');
const status = fs.readFileSync('/proc/' + pids.find(isIt) + '/status', 'utf8').split('\\n');
const wanted = status.filter((line) => /^(?:Uid|CapEff|CapBnd|NoNewPrivs):/.test(line));
console.log(wanted.map((line) => line.split('\\t').slice(0, 2).join('\\t')).join('\\n'));
`;

test('the image of the service is no larger than 400 MB, and neither image runs as root', async (t) => {
  const { engine } = openScene(t);
  const inspect = (image: string, format: string) => must(engine, ['image', 'inspect', '--format', format, image]);
  const size = Number(await inspect(IMAGES.serve, '{{.Size}}'));
  assert.ok(size > 0 && size <= MOST_BYTES, `${Math.round(size / 1e6)} MB`);
  for (const image of Object.values(IMAGES)) {
    assert.equal(await inspect(image, '{{.Config.User}}'), 'caisson');
    assert.match(await inspect(image, '{{json .Config.Env}}'), /"container=docker"/);
    assert.notEqual(await inspect(image, '{{json .Config.Healthcheck}}'), 'null');
  }
});

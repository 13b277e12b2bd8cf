// Owns the proof that a repository is set up once, before anybody looks at it, and then built and tested without a network. Real npm, real
// sandboxes, a real cache; scripted replies.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { RunEvent } from '../../src/contracts/run-events.ts';
import type { RunRecord } from '../../src/contracts/runs.ts';
import {
  bash,
  finish,
  gitIn,
  leftoversOf,
  makeRepo,
  NOTHING_LEFT,
  scriptOf,
  type TestHouse,
  testHouse,
} from './house.ts';

const CHECKS = [{ name: 'tests', run: 'node test.js' }];
const npm = () => ({ run: ['npm ci --offline --no-audit --no-fund'], failure: 'end' as const });

/** A package as the registry would give it. */
function tarball(t: TestContext, name: string, version: string, code: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-pack-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'package'));
  writeFileSync(join(folder, 'package', 'package.json'), JSON.stringify({ name, version, main: 'index.js' }));
  writeFileSync(join(folder, 'package', 'index.js'), code);
  return execFileSync('tar', ['-czf', '-', '-C', folder, 'package']);
}

function npmFiles(version: string, packed: Buffer): Readonly<Record<string, string>> {
  const from = `file:vendor/dep-${version}.tgz`;
  const root = { name: 'app', version: '1.0.0', dependencies: { dep: from } };
  const integrity = `sha512-${createHash('sha512').update(packed).digest('base64')}`;
  const packages = { '': root, 'node_modules/dep': { version, resolved: from, integrity } };
  const lock = { name: 'app', version: '1.0.0', lockfileVersion: 3, requires: true, packages };
  return { 'package.json': JSON.stringify(root), 'package-lock.json': JSON.stringify(lock) };
}

async function npmRepo(t: TestContext): Promise<string> {
  const packed = tarball(t, 'dep', '1.0.0', 'module.exports = 41;\n');
  const repo = await makeRepo(t, {
    ...npmFiles('1.0.0', packed),
    '.gitignore': 'node_modules/\n',
    'test.js': "if (require('dep') + Number(require('fs').readFileSync('add.txt', 'utf8')) !== 42) process.exit(1);\n",
    'add.txt': '0\n',
  });
  mkdirSync(join(repo, 'vendor'));
  writeFileSync(join(repo, 'vendor', 'dep-1.0.0.tgz'), packed);
  await gitIn(repo, 'add', '--all');
  await gitIn(repo, 'commit', '--quiet', '--message', 'The package');
  return repo;
}

const MENDED = scriptOf([
  bash('node test.js; cat node_modules/dep/index.js'),
  bash('echo 1 > add.txt && node test.js', 'exit status: 0'),
  finish('exit status: 0'),
]);

type Finished = Extract<RunEvent['body'], { type: 'setup_finished' }>;

async function finished(house: TestHouse, { id }: RunRecord): Promise<readonly Finished[]> {
  const events = await house.events(id);
  return events.flatMap(({ body }) => (body.type === 'setup_finished' ? [body] : []));
}

const brief = (all: readonly Finished[]) => all.map(({ status, cache }) => `${status} ${cache}`);

test('a repository with dependencies is set up once, then built and tested offline in two runs, the second from the cache', async (t) => {
  const house = await testHouse(t, { script: MENDED });
  const repo = await npmRepo(t);
  const first = await house.work(repo, { checks: CHECKS, setup: npm() });
  assert.deepEqual(first.end, { end: 'done', verified: true });
  const [made] = await finished(house, first);
  assert.deepEqual(brief(await finished(house, first)), ['ok miss']);
  const second = await house.work(repo, { checks: CHECKS, setup: npm() });
  assert.deepEqual(second.end, { end: 'done', verified: true });
  const [cached] = await finished(house, second);
  assert.deepEqual(brief(await finished(house, second)), ['ok hit']);
  assert.equal(cached?.key, made?.key);
});

/** Prints what it makes, so that a test can count how often it ran; the box of a set-up holds only what is named here. */
const SCRIPT = {
  'make-deps.sh':
    'mkdir -p deps && cp want.txt deps/got.txt && date +%s%N > deps/when.txt && echo cached > ~/note.txt\n',
  'want.txt': 'one\n',
  'other.txt': 'no part of it\n',
  'verify.sh': 'test "$(cat deps/got.txt)" = "$(cat want.txt)" && test "$(cat ~/note.txt)" = cached\n',
};
const BY_SCRIPT = { run: ['ls', 'sh make-deps.sh'], files: ['make-deps.sh', 'want.txt'], failure: 'end' as const };
const wish = () => ({
  checks: [{ name: 'tests', run: 'sh verify.sh' }],
  setup: { ...BY_SCRIPT, run: [...BY_SCRIPT.run] },
});
const LOOKS = scriptOf([bash('cat deps/when.txt; git status --short'), finish('exit status: 0')]);

async function toolResults(house: TestHouse, { id }: RunRecord): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { body } of await house.events(id))
    if (body.type === 'tool_finished') found.push((await house.journal.content(body.resultHash)) ?? '');
  return found;
}

async function firstWords(house: TestHouse, { id }: RunRecord): Promise<string> {
  const events = await house.events(id);
  const asked = events.find(({ body }) => body.type === 'model_requested')?.body;
  return (asked?.type === 'model_requested' ? await house.journal.content(asked.requestHash) : undefined) ?? '';
}

test('the agent is told in a line, sees what was made as if it were not there for git, and its patch holds none of it', async (t) => {
  const house = await testHouse(t, { script: LOOKS });
  const run = await house.work(await makeRepo(t, SCRIPT), wish());
  assert.deepEqual(run.end, { end: 'done', verified: true });
  const told =
    'Set up before you came: `ls`, `sh make-deps.sh` made deps (4 files). The checks have them too; they are no part of your patch.';
  assert.ok((await firstWords(house, run)).includes(told));
  const [looked = ''] = await toolResults(house, run);
  assert.match(looked, /^exit status: 0\n\n\d{19}\n$/, 'git status shows nothing');
  assert.equal((await house.runs.patch(run.id))?.text, '');
  const [end] = await finished(house, run);
  const output = await house.journal.content(end?.outputHash ?? '');
  assert.equal(output, '$ ls\nmake-deps.sh\nwant.txt\n$ sh make-deps.sh\n', 'it saw the named files and no others');
  assert.deepEqual(await leftoversOf(house.config), NOTHING_LEFT);
});

test('a run that tampers with its copy, and looks for the entry, changes nothing for the next', async (t) => {
  const tampers = scriptOf([
    bash(
      'echo bad > deps/got.txt; echo bad > ~/note.txt; rm -f deps/when.txt; echo x > deps/more.txt; cat deps/got.txt',
    ),
    bash(
      'found=$(find / -path "*/setups/*/objects" 2>/dev/null | head -3; ls -d ../../setups ~/../setups 2>/dev/null); ' +
        'test -z "$found" && echo nothing to reach',
      'exit status: 0',
    ),
    finish('exit status: 0'),
  ]);
  const house = await testHouse(t, { script: tampers });
  const repo = await makeRepo(t, SCRIPT);
  const first = await house.work(repo, wish());
  assert.deepEqual(first.end, { end: 'done', verified: true }, 'the checks have a copy of their own');
  assert.match((await toolResults(house, first))[1] ?? '', /nothing to reach/);
  const { setups } = house.rooms;
  const [entry] = await setups.list();
  const second = await house.work(repo, wish());
  assert.deepEqual(brief(await finished(house, second)), ['ok hit']);
  assert.deepEqual(second.end, { end: 'done', verified: true });
  const [again] = await setups.list();
  assert.deepEqual({ ...again, usedAt: 0 }, { ...entry, usedAt: 0 });
});

test('an entry whose bytes have changed is noticed, dropped and made anew', async (t) => {
  const house = await testHouse(t, { script: LOOKS });
  const repo = await makeRepo(t, SCRIPT);
  await house.work(repo, wish());
  const [kept] = await house.rooms.setups.list();
  const key = kept?.key ?? '';
  const objects = join(house.places.setupsRoot, key, 'objects');
  const object = readdirSync(objects).flatMap((folder) =>
    readdirSync(join(objects, folder)).map((name) => join(objects, folder, name)),
  );
  const wanted = object.find((path) => readFileSync(path, 'utf8') === 'one\n') ?? '';
  rmSync(wanted);
  writeFileSync(wanted, 'two\n');
  const run = await house.work(repo, wish());
  assert.deepEqual(brief(await finished(house, run)), ['ok hit', 'ok miss']);
  assert.deepEqual(run.end, { end: 'done', verified: true });
});

test('a file that has a part in it makes a new entry when it changes, another file does not', async (t) => {
  const house = await testHouse(t, { script: LOOKS });
  const repo = await makeRepo(t, SCRIPT);
  const [first] = await finished(house, await house.work(repo, wish()));
  appendFileSync(join(repo, 'other.txt'), 'more\n');
  const [same] = await finished(house, await house.work(repo, wish()));
  writeFileSync(join(repo, 'want.txt'), 'two\n');
  const changed = await house.work(repo, wish());
  const [other] = await finished(house, changed);
  assert.deepEqual(brief([first, same, other].flatMap((one) => one ?? [])), ['ok miss', 'ok hit', 'ok miss']);
  assert.equal(first?.key, same?.key);
  assert.notEqual(first?.key, other?.key);
  assert.deepEqual(changed.end, { end: 'done', verified: true });
});

test('two runs at the same time make one entry, and both have the same', async (t) => {
  const house = await testHouse(t, { script: LOOKS });
  const repo = await makeRepo(t, SCRIPT);
  const slow = () => ({ ...wish(), setup: { ...wish().setup, run: ['sleep 1', 'sh make-deps.sh'] } });
  const started = await Promise.all([house.start(repo, slow()), house.start(repo, slow())]);
  const ended = await Promise.all(started.map(({ id }) => house.runs.ended(id)));
  const ends = (await Promise.all(ended.map((run) => finished(house, run)))).flat();
  assert.deepEqual(brief(ends).toSorted(), ['ok joined', 'ok miss']);
  const results = await Promise.all(ended.map((run) => toolResults(house, run)));
  assert.equal(results[0]?.[0], results[1]?.[0], 'both see the same moment');
  assert.equal((await house.rooms.setups.list()).length, 1);
});

test('a set-up that fails ends the run with its last words, or goes on with a note where wished; nothing of it is kept', async (t) => {
  const house = await testHouse(t, { script: scriptOf([bash('ls'), finish('exit status: 0')]) });
  const repo = await makeRepo(t, SCRIPT);
  const run = ['echo half > deps.txt; echo no such package >&2; exit 3'];
  const ended = await house.work(repo, { setup: { run, failure: 'end' } });
  const end = ended.end?.end === 'failed' ? ended.end.error : undefined;
  assert.equal(end?.code, 'setup_failed');
  assert.equal(end?.message, `${run[0]}: exit status 3\nno such package`);
  const went = await house.work(repo, { setup: { run, failure: 'go_on' } });
  assert.deepEqual(went.end, { end: 'done', verified: false });
  assert.match(await firstWords(house, went), /failed, so dependencies may be missing:\\n.*no such package/);
  assert.deepEqual(brief(await finished(house, went)), ['failed none']);
  assert.deepEqual(await house.rooms.setups.list(), []);
  assert.deepEqual(await leftoversOf(house.config), NOTHING_LEFT);
});

test('what lock files ask for is not tried without a network, and the agent is told; a wish for none says nothing', async (t) => {
  const house = await testHouse(t, { script: scriptOf([bash('true'), finish('exit status: 0')]) });
  const repo = await npmRepo(t);
  const run = await house.work(repo);
  assert.deepEqual(brief(await finished(house, run)), ['skipped none']);
  assert.match(
    await firstWords(house, run),
    /package-lock\.json asks for `npm ci --no-audit --no-fund`, and no network is allowed/,
  );
  const none = await house.work(repo, { setup: { run: [], failure: 'end' } });
  assert.deepEqual(await finished(house, none), []);
  assert.equal(existsSync(house.places.setupsRoot), true);
});

test('a run that is cancelled in its set-up ends at once and leaves nothing', async (t) => {
  const house = await testHouse(t, { script: LOOKS });
  const setup = { run: ['sleep 60'], failure: 'end' as const };
  const { id } = await house.start(await makeRepo(t, SCRIPT), { setup });
  await house.seen(id, 'setup_started');
  const run = await house.runs.cancel(id, 'tester');
  assert.deepEqual(run.end, { end: 'cancelled', by: 'tester' });
  assert.deepEqual(brief(await finished(house, run)), ['failed none']);
  assert.deepEqual(await leftoversOf(house.config), NOTHING_LEFT);
});

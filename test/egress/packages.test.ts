// Shows that the tools which fetch packages work through the proxy of a real sandbox under the shipped presets, and fail at once without.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { EgressRule } from '../../src/contracts/egress.ts';
import { shippedPresets } from '../../src/policy-file.ts';
import { loadPolicy } from '../../src/policy/load.ts';
import { compileNetwork } from '../../src/policy/network/judge.ts';
import { networkRules } from '../../src/policy/network/rules.ts';
import { openNetwork } from '../../src/sandbox/network/network.ts';
import { type OpenBox, testSandbox } from '../sandbox/setup.ts';
import { egress } from '../unit/policy/scene.ts';
import { type Mirror, MIRROR, openMirror } from './registries.ts';
import { profileOf } from './scene.ts';
import { openWholeProxy } from './tls-scene.ts';

const LONGEST_REFUSAL_MS = 1000;

interface Tool {
  readonly name: string;
  /** Absent: its name and `--version`. */
  readonly version?: string;
  readonly preset: string;
  /** Of the mirror: what the preset stands for there. */
  readonly folder: string;
  readonly isPlain?: boolean;
  /** Files of the work tree. */
  readonly files: (base: string) => Readonly<Record<string, string>>;
  /** `base`: address of the folder at the mirror. */
  readonly fetch: (base: string) => string;
  /** Prints that the package is there. */
  readonly proof: string;
  readonly proven: string;
  /** What the tool asks for, in its order, at the mirror. */
  readonly asks: readonly string[];
  /** What it prints when it is refused. */
  readonly told: RegExp;
  /** Which rule of the preset covers these if there is no mirror, and what then stands for the start of a path. */
  readonly publicly: readonly (readonly [start: string, rule: string, path: string])[];
}

const none = () => ({});
/** Once for what there is, once for what is wanted. */
const UPLOAD_PACK = 'POST /git/greeting.git/git-upload-pack';

const TOOLS: readonly Tool[] = [
  {
    name: 'npm',
    preset: 'npm',
    folder: '/npm',
    files: () => ({ 'package.json': '{ "name": "a", "version": "1.0.0", "dependencies": { "greeting": "^1.0.0" } }' }),
    fetch: (base) => `npm_config_registry=${base}/ npm install`,
    proof: `node -p "require('greeting')"`,
    proven: 'hello from npm\n',
    asks: ['GET /npm/greeting', 'GET /npm/greeting/-/greeting-1.0.0.tgz'],
    told: /403 Forbidden - GET https:/,
    publicly: [['/npm/', 'npm-packages', '/']],
  },
  {
    name: 'pip',
    version: 'python3 -m pip --version',
    preset: 'pip',
    folder: '/pip',
    files: none,
    fetch: (base) => `python3 -m pip install --index-url ${base}/simple --target found greeting`,
    proof: 'PYTHONPATH=found python3 -c "import greeting; print(greeting.TEXT)"',
    proven: 'hello from pip\n',
    asks: ['GET /pip/simple/greeting/', 'GET /pip/packages/greeting-1.0.0-py3-none-any.whl'],
    told: /No matching distribution found for greeting/,
    publicly: [
      ['/pip/simple/', 'pip-index', '/simple/'],
      ['/pip/packages/', 'pip-files', '/packages/'],
    ],
  },
  {
    name: 'cargo',
    preset: 'cargo',
    folder: '/cargo',
    files: (base) => ({
      'Cargo.toml': '[package]\nname = "a"\nversion = "1.0.0"\nedition = "2021"\n[dependencies]\ngreeting = "1"\n',
      'src/lib.rs': '',
      '.cargo/config.toml': `[source.crates-io]\nreplace-with = "mirror"\n[source.mirror]\nregistry = "sparse+${base}/index/"\n`,
    }),
    fetch: () => 'cargo fetch',
    proof: 'cat ~/.cargo/registry/src/*/greeting-1.0.0/src/lib.rs',
    proven: 'pub const TEXT: &str = "hello from cargo";\n',
    asks: [
      'GET /cargo/index/config.json',
      'GET /cargo/index/gr/ee/greeting',
      'GET /cargo/crates/greeting/1.0.0/download',
    ],
    told: /\b403\b/,
    publicly: [
      ['/cargo/index/', 'cargo-index', '/'],
      ['/cargo/crates/', 'cargo-files', '/crates/'],
    ],
  },
  {
    name: 'git',
    preset: 'git-fetch',
    folder: '/git',
    files: none,
    fetch: (base) => `git clone ${base}/greeting.git found`,
    proof: 'cat found/greeting.txt',
    proven: 'hello from git\n',
    asks: ['GET /git/greeting.git/info/refs', UPLOAD_PACK, UPLOAD_PACK],
    told: /\b403\b/,
    publicly: [['/git/', 'git-fetch-discovery', '/site/']],
  },
  {
    name: 'curl',
    preset: 'apt',
    folder: '/debian',
    isPlain: true,
    files: none,
    fetch: (base) => `curl --fail-with-body -sS -O ${base}/dists/stable/InRelease`,
    proof: 'cat InRelease',
    proven: 'Suite: stable\n',
    asks: ['GET /debian/dists/stable/InRelease'],
    told: /\b403\b/,
    publicly: [['/debian/', 'apt-packages', '/debian/']],
  },
];

for (const tool of TOOLS)
  describe(`${tool.name} in a sandbox`, () => {
    it('fetches through the proxy under its preset, at a mirror of the site', async (context) => {
      const mirror = await openMirror(context);
      const rules = rulesOf([presetLine(tool, mirror)]);
      const wanted = tool.asks.map((ask) => ask.replace(' ', ` ${originOf(tool, mirror)}`));
      assert.deepEqual(verdictsOf(rules, wanted), ['allow']);
      const box = await openBox(context, { tool, mirror, rules });
      if (!(await isThere(box, tool, context))) return;
      const done = await box.run(tool.fetch(baseOf(tool, mirror)));
      assert.deepEqual([await box.text(tool.proof), mirror.asked()], [tool.proven, tool.asks], done.output.head);
      assert.deepEqual([...new Set(done.egress?.map(({ outcome }) => outcome))], ['allowed']);
      context.diagnostic(`${tool.name} fetched in ${Math.round(done.ms)} ms`);
    });

    it('asks for nothing else than its preset allows at the public hosts', () => {
      const asks = tool.asks.map((ask) => publicly(tool, ask));
      const others = TOOLS.filter(({ preset }) => preset !== tool.preset).map(({ preset }) => preset);
      assert.deepEqual(
        [verdictsOf(rulesOf([tool.preset]), asks), verdictsOf(rulesOf(others), asks)],
        [['allow'], ['deny']],
      );
    });

    it('fails at once where only other presets are allowed at that host', async (context) => {
      const mirror = await openMirror(context);
      const others = TOOLS.filter(({ preset }) => preset !== tool.preset).map((other) => presetLine(other, mirror));
      await refused(context, { tool, mirror, rules: rulesOf(others) }, requestSentence(tool, mirror));
    });

    it('fails at once where nothing is allowed at that host', async (context) => {
      const mirror = await openMirror(context);
      const { host } = new URL(originOf(tool, mirror));
      const tunnel = `HTTPS to ${host} is allowed by no rule; request_access with host ${MIRROR}, and the method and path it needs,`;
      const said = tool.isPlain ? requestSentence(tool, mirror) : `${tunnel} asks a person for it.`;
      await refused(context, { tool, mirror, rules: rulesOf(['go']) }, said);
    });
  });

interface Room {
  readonly tool: Tool;
  readonly mirror: Mirror;
  readonly rules: readonly EgressRule[];
}

/** The tool asks once, hears no, and ends; what is written down is the sentence and the way to ask. */
async function refused(context: TestContext, room: Room, said: string): Promise<void> {
  const { tool, mirror } = room;
  const box = await openBox(context, room);
  if (!(await isThere(box, tool, context))) return;
  const done = await box.run(tool.fetch(baseOf(tool, mirror)));
  const endedAt = Date.now();
  const records = done.egress?.map((record) => [record.outcome, record.rule, record.said, record.times ?? 1]);
  assert.deepEqual(records, [['denied', 'default:egress', said, 1]], done.output.head);
  assert.ok(done.end === 'exited' && done.exitCode !== 0, done.output.head);
  assert.match(done.output.head, tool.told);
  assert.deepEqual(mirror.asked(), []);
  // A tool may take longer than that to start: the time that a refusal costs begins with it.
  const took = endedAt - (done.egress?.[0]?.at ?? 0);
  context.diagnostic(
    `${tool.name} ended ${took} ms after it was refused, ${Math.round(done.ms)} ms after it was started`,
  );
  assert.ok(took < LONGEST_REFUSAL_MS, `${took} ms`);
}

function requestSentence(tool: Tool, mirror: Mirror): string {
  const [, method = '', path = ''] = /^(\w+) (.*)/.exec(tool.asks[0] ?? '') ?? [];
  const ask = `request_access with host ${MIRROR}, method ${method} and path ${path} asks a person for it.`;
  return `${method} ${originOf(tool, mirror)}${path} is allowed by no rule; ${ask}`;
}

/** The same request at the first host of its rule. */
function publicly(tool: Tool, ask: string): string {
  const [start = '', id, path = ''] = tool.publicly.find(([one]) => ask.includes(` ${one}`)) ?? [];
  const rule = rulesOf([tool.preset]).find((one) => one.id === id);
  return ask.replace(` ${start}`, ` ${rule?.schemes?.[0]}://${rule?.hosts?.[0]}${path}`);
}

function verdictsOf(rules: readonly EgressRule[], requests: readonly string[]): readonly string[] {
  const judge = compileNetwork(rules, [], { now: () => 0 });
  const verdicts = requests.map((request) => {
    const [method = '', url = ''] = request.split(' ');
    return judge.request(egress(url, method)).verdict;
  });
  return [...new Set(verdicts)];
}

function originOf({ isPlain = false }: Tool, { plain, secure }: Mirror): string {
  return isPlain ? plain : secure;
}

function baseOf(tool: Tool, mirror: Mirror): string {
  return `${originOf(tool, mirror)}${tool.folder}`;
}

function presetLine(tool: Tool, mirror: Mirror): string {
  return `{ preset: ${tool.preset}, mirror: { url: "${baseOf(tool, mirror)}", addresses: [127.0.0.0/8] } }`;
}

function rulesOf(presets: readonly string[]): readonly EgressRule[] {
  const text = `version: 1\npresets: [${presets.join(', ')}]\nrules: []\n`;
  return networkRules(loadPolicy(text, 'policy.yaml', shippedPresets()));
}

async function openBox(context: TestContext, { tool, mirror, rules }: Room): Promise<OpenBox> {
  const world = await testSandbox(context, { networking: async () => ({ openNetwork }), proxy: openWholeProxy });
  const folder = world.newBox(tool.name);
  for (const [path, text] of Object.entries(tool.files(baseOf(tool, mirror)))) {
    const file = join(folder, 'work', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  if (tool.name === 'cargo') bringCargo(join(folder, 'home', 'rust'));
  const profile = { names: { [MIRROR]: ['127.0.0.1'] }, authorities: mirror.authority };
  const box = await world.open(tool.name, folder, {}, profileOf({ rules, profile }));
  await box.text('export PATH="$PATH:$HOME/rust/bin"');
  return box;
}

/** The toolchain of who runs the tests, which often lies in a home that no sandbox sees; without it nothing is brought. */
function bringCargo(to: string): void {
  const { stdout, status } = spawnSync('rustc', ['--print', 'sysroot'], { encoding: 'utf8' });
  if (status !== 0) return;
  const from = stdout.trim();
  const wanted = ['bin/cargo', 'bin/rustc', ...readdirSync(join(from, 'lib')).map((name) => `lib/${name}`)];
  for (const name of ['bin', 'lib']) mkdirSync(join(to, name), { recursive: true });
  for (const name of wanted.filter((path) => statSync(join(from, path), { throwIfNoEntry: false })?.isFile()))
    bring(join(from, name), join(to, name));
}

/** Half a gigabyte is not copied where the commands, which run as another user, cannot change what they see. */
function bring(from: string, to: string): void {
  try {
    if (process.getuid?.() === 0) return linkSync(from, to);
  } catch {
    // It lies on another file system.
  }
  return copyFileSync(from, to);
}

/** False, and said: a machine without the tool shows only that the rules allow what the tool is known to ask for. */
async function isThere(
  box: OpenBox,
  { name, version = `${name} --version` }: Tool,
  context: TestContext,
): Promise<boolean> {
  const found = await box.run(`${version} > found.txt 2>&1`);
  const isHere = found.end === 'exited' && found.exitCode === 0;
  if (!isHere) context.diagnostic(`there is no ${name} for a sandbox on this machine: only its rules were tested`);
  return isHere;
}

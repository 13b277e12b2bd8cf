// Owns the look at the machine: user, firejail, sandbox, disk, engines. Opens no database and changes nothing that stays.
import { mkdir, mkdtemp, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { rgPath } from '@vscode/ripgrep';
import { CaissonError, formatError } from './base/errors.ts';
import { silentLogger } from './base/logger.ts';
import type { LoadedConfig } from './config/load.ts';
import type { ProbeReport } from './contracts/executor.ts';
import { checkEngine } from './engine-check.ts';
import { sandboxSetup } from './executors.ts';
import { askModels } from './modelling.ts';
import { readCatalogue } from './models/catalogue.ts';
import { aliasRemarks, listServed } from './models/served.ts';
import { type Places, placesOf } from './places.ts';
import { loadPolicyOf } from './policy-file.ts';
import { createExecutor } from './sandbox/executor.ts';
import { checkFirejail } from './sandbox/fitness.ts';
import { fillToolbox } from './sandbox/toolbox.ts';
import { kindsInWords } from './sandbox/watching/limit-kinds.ts';

export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly seen: string;
  readonly hint: string;
}

const run = (file: string, words: readonly string[]) => execa(file, [...words], { timeout: ASK_MS, stdin: 'ignore' });
const FREE_BYTES = 1024 ** 3;
const ASK_MS = 5000;

/** One finding per thing that must be right; never rejects. */
export async function diagnose(config: LoadedConfig): Promise<readonly Finding[]> {
  const parts = [
    named('Node.js', async () => process.version),
    named('git', async () => (await run('git', ['--version'])).stdout.trim(), 'apt-get install git'),
    named('firejail', async () => `firejail version ${await checkFirejail(userOf(config))}`),
    named('policy', async () => loadPolicyOf(config).hash),
    named('data directory', () => freeSpace(config.dataDir)),
    named('model files', async () => filesLine(await readCatalogue(config.models.folder))),
    ...(Object.keys(config.models.aliases).length === 0 ? [] : [named('aliases', () => aliasLine(config))]),
    ...config.backends.map((backend) => named(`backend ${backend.name}`, () => served(config, backend.name))),
  ];
  return [...(await Promise.all(parts)), ...(await sandboxFindings(config))];
}

/** Who runs the commands. */
function userOf(config: LoadedConfig) {
  const { user } = placesOf(config);
  return user === undefined ? {} : { user };
}

async function named(name: string, look: () => Promise<string>, hint = ''): Promise<Finding> {
  try {
    return { name, ok: true, seen: await look(), hint: '' };
  } catch (error) {
    const [seen = '', ...rest] = formatError(error).split('\n  → ');
    return { name, ok: false, seen, hint: hint === '' ? rest.join(' ') : hint };
  }
}

async function freeSpace(dataDir: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const { bavail, bsize } = await statfs(dataDir);
  const free = bavail * bsize;
  if (free < FREE_BYTES) throw new Error(`${dataDir} has only ${Math.round(free / 1024 ** 2)} MB free`);
  return `${dataDir}, ${Math.round(free / 1024 ** 3)} GB free`;
}

async function served(config: LoadedConfig, name: string): Promise<string> {
  const one = { ...config, backends: config.backends.filter((backend) => backend.name === name) };
  const { models, silent } = await askModels(one);
  if (silent[0] !== undefined) throw silent[0].error;
  const { files } = await readCatalogue(config.models.folder);
  const words = listServed(models, files, {}).map(({ id, remarks }) => [id, ...remarks].join(': '));
  const [said, probed] = await Promise.all([checkEngine(one), probeLine(config, name)]);
  return [`serves ${words.join(', ') || 'nothing'}`, ...said, ...probed].join('; ');
}

/** Its last probe; nothing where there was none. */
async function probeLine(config: LoadedConfig, name: string): Promise<readonly string[]> {
  const { storedProbes } = await import('./probing.ts');
  const own = (await storedProbes(config)).filter(({ backend }) => backend === name);
  return own.map(({ model, version, score, results }) => {
    const failed = results.filter(({ outcome }) => outcome === 'fails').map((result) => result.name);
    const words = failed.length === 0 ? '' : ` (fails: ${failed.join(', ')})`;
    return `probe of ${model}${version === '' ? '' : ` on ${version}`}: ${score} of 100${words}`;
  });
}

function filesLine({ files, builds, problems }: Awaited<ReturnType<typeof readCatalogue>>): string {
  const [first, ...others] = problems;
  if (first === undefined) return `${files.length} models, ${builds.length} builds`;
  const more = others.length === 0 ? '' : ` (and ${others.length} more: caisson models)`;
  const { place = {} } = first;
  throw new CaissonError(first.code, `${first.message}${more}`, { place });
}

async function aliasLine(config: LoadedConfig): Promise<string> {
  const { aliases } = config.models;
  const remarks = aliasRemarks(aliases, (await askModels(config)).models);
  if (remarks.length > 0)
    throw new CaissonError('model_not_found', remarks.join('; '), {
      hint: 'Correct models.aliases, or start the engine that serves the model.',
    });
  return Object.entries(aliases)
    .map(([alias, model]) => `${alias} → ${model}`)
    .join(', ');
}

async function sandboxFindings(config: LoadedConfig): Promise<readonly Finding[]> {
  try {
    return await probe(config, placesOf(config));
  } catch (error) {
    return [await named('sandbox', () => Promise.reject(error))];
  }
}

/** One finding per check. */
export function sandboxLines({ checks, limits }: ProbeReport): readonly Finding[] {
  const seen = [...checks, { name: 'limits', ok: true, seen: kindsInWords(limits) }];
  return seen.map((one) => ({ ...one, name: `sandbox: ${one.name}`, seen: one.seen.split('\n')[0] ?? '', hint: '' }));
}

/** Beside a running service, so in a folder of its own. */
async function probe(config: LoadedConfig, places: Places): Promise<readonly Finding[]> {
  await mkdir(places.runsRoot, { recursive: true, mode: 0o711 });
  const folder = await mkdtemp(join(places.runsRoot, 'doctor-'));
  try {
    const canary = join(places.dataDir, 'canary');
    await writeFile(canary, 'doctor\n', { mode: 0o644 });
    await fillToolbox(places.toolbox, { node: process.execPath, rg: rgPath });
    await mkdir(join(folder, 'runs'), { mode: 0o711 });
    await run('chmod', ['711', folder]);
    const own = { ...places, canary, runsRoot: join(folder, 'runs') };
    const setup = sandboxSetup(config, own, silentLogger);
    const executor = createExecutor(setup);
    const report = await executor.probe('start');
    await executor.dispose();
    if (!report.ok) return [{ name: 'sandbox', ok: false, seen: report.error.message, hint: report.error.hint }];
    return sandboxLines(report.value);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

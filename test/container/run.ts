// Owns `npm run test:container`: an engine, a base, both images, then its tests run as all others do, and nothing is left. Knows no test.
// `--base IMAGE` builds on that image instead of one made by debootstrap.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Engine, openEngine } from './docker.ts';
import { buildImages, makeBase, removeImages } from './images.ts';
import { SCENE_VARIABLE } from './scene.ts';

const RUN_TESTS = join(import.meta.dirname, '..', '..', 'bin', 'run-tests.cjs');
const MB = 1e6;

const { values } = parseArgs({ options: { base: { type: 'string' } } });
process.exitCode = await main(values.base);

async function main(base: string | undefined): Promise<number> {
  const { engine, stop } = await timed('container engine', openEngine);
  // A second signal ends what is left at once.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => void stop().finally(() => process.exit(130)));
  try {
    const from = base ?? (await timed('base by debootstrap', () => makeBase(engine)));
    const sizes = await timed('images', () => buildImages(engine, from));
    for (const [name, size] of Object.entries(sizes)) console.log(`  ${name}: ${Math.round(size / MB)} MB`);
    return await runTests(engine);
  } finally {
    await removeImages(engine, base === undefined).catch(() => {});
    await stop();
  }
}

async function timed<Value>(name: string, work: () => Promise<Value>): Promise<Value> {
  const began = Date.now();
  const value = await work();
  console.log(`${name}: ready (${Math.round((Date.now() - began) / 1000)} s)`);
  return value;
}

async function runTests(engine: Engine): Promise<number> {
  const env = { ...process.env, [SCENE_VARIABLE]: JSON.stringify(engine) };
  const child = spawn(process.execPath, [RUN_TESTS, import.meta.dirname], { stdio: 'inherit', env });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

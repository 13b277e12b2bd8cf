// Owns `npm run test:vllm`: a real vLLM is installed where it can be, then its tests run as all others do. Knows no test.
// `--python PROGRAM` takes that Python, which must be 3.11 or 3.12.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../../sdk/service.ts';
import { findVllm } from './install.ts';

const { values } = parseArgs({ options: { python: { type: 'string' } } });
process.exitCode = await main(values.python);

async function main(python: string | undefined): Promise<number> {
  const began = Date.now();
  const found = await findVllm(python);
  if (!found.ok) {
    console.log(`not run: no vLLM for the tests: ${found.why}`);
    return process.env['CI'] === 'true' ? 1 : 0;
  }
  console.log(`vLLM is installed (${Math.round((Date.now() - began) / 1000)} s)`);
  const words = [join(ROOT, 'bin', 'run-tests.cjs'), import.meta.dirname];
  const env = { ...process.env, ...(python === undefined ? {} : { CAISSON_TEST_PYTHON: python }) };
  const child = spawn(process.execPath, words, { cwd: ROOT, stdio: 'inherit', env });
  // Whoever is told to end hands it on: the tests have servers to kill.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

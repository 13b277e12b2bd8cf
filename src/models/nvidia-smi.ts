// Owns the question to nvidia-smi: which GPUs are in this machine. Knows no table of them.
import { execa } from 'execa';
import { CaissonError } from '../base/errors.ts';

const ASK_MS = 10_000;

/** Name and memory of each GPU; 0 where the driver does not say how much. Throws `usage` where nvidia-smi is not there or fails. */
export async function listGpus(
  program = 'nvidia-smi',
): Promise<readonly { readonly name: string; readonly mebibytes: number }[]> {
  const words = ['--query-gpu=name,memory.total', '--format=csv,noheader,nounits'];
  const asked = await execa(program, words, { timeout: ASK_MS, stdin: 'ignore', reject: false });
  if (asked.failed) {
    const why = asked.code === 'ENOENT' ? 'is not installed here' : `failed: ${firstLine(asked.stderr, asked.stdout)}`;
    throw new CaissonError('usage', `nvidia-smi ${why}, so the GPUs of this machine are not known`, {
      hint: 'Say which GPUs are meant: caisson plan --gpus 2xH100-80',
    });
  }
  return asked.stdout
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const comma = line.lastIndexOf(',');
      const mebibytes = Number(line.slice(comma + 1));
      return { name: line.slice(0, comma).trim(), mebibytes: Number.isFinite(mebibytes) ? mebibytes : 0 };
    });
}

function firstLine(...texts: readonly string[]): string {
  return texts.map((text) => text.trim().split('\n')[0] ?? '').find((line) => line !== '') ?? 'it says nothing';
}

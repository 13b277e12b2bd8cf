// Owns the table of GPUs, what they can do, and how a person names them. Knows no model.
import { closestWord } from '../base/closest.ts';
import { CaissonError } from '../base/errors.ts';
import type { GpuGroup } from '../contracts/model-plan.ts';

type Generation = 'ampere' | 'ada' | 'hopper' | 'blackwell';

interface GpuKind {
  readonly generation: Generation;
  /** In 10⁹ bytes, which is a little less than is there. */
  readonly sizes: readonly [number, ...number[]];
  /** How nvidia-smi names it. */
  readonly seen: RegExp;
}

const ABILITIES: Readonly<Record<Generation, Pick<GpuGroup, 'fp8' | 'nvfp4'>>> = {
  ampere: { fp8: false, nvfp4: 'none' },
  ada: { fp8: true, nvfp4: 'none' },
  hopper: { fp8: true, nvfp4: 'weights' },
  blackwell: { fp8: true, nvfp4: 'native' },
};

const GPUS: Readonly<Record<string, GpuKind>> = {
  A100: { generation: 'ampere', sizes: [80, 40], seen: /\bA100\b/ },
  A10G: { generation: 'ampere', sizes: [24], seen: /\bA10G?\b/ },
  A6000: { generation: 'ampere', sizes: [48], seen: /\bRTX A6000\b/ },
  L4: { generation: 'ada', sizes: [24], seen: /\bL4\b/ },
  L40S: { generation: 'ada', sizes: [48], seen: /\bL40S?\b/ },
  RTX4090: { generation: 'ada', sizes: [24], seen: /\bRTX 4090\b/ },
  RTX6000ADA: { generation: 'ada', sizes: [48], seen: /\bRTX 6000 Ada\b/ },
  H100: { generation: 'hopper', sizes: [80, 94], seen: /\bH100\b/ },
  H200: { generation: 'hopper', sizes: [141], seen: /\bH200\b/ },
  GH200: { generation: 'hopper', sizes: [96, 144], seen: /\bGH200\b/ },
  B200: { generation: 'blackwell', sizes: [180, 192], seen: /\bB200\b/ },
  GB200: { generation: 'blackwell', sizes: [186], seen: /\bGB200\b/ },
  B300: { generation: 'blackwell', sizes: [288], seen: /\bB300\b/ },
  GB300: { generation: 'blackwell', sizes: [288], seen: /\bGB300\b/ },
  RTX5090: { generation: 'blackwell', sizes: [32], seen: /\bRTX 5090\b/ },
  RTXPRO6000: { generation: 'blackwell', sizes: [96], seen: /\bRTX PRO 6000\b/ },
  SPARK: { generation: 'blackwell', sizes: [128], seen: /\bGB10\b/ },
  THOR: { generation: 'blackwell', sizes: [128], seen: /\bThor\b/ },
};

const GIGA = 1e9;
const MOST_GPUS = 1024;
const FORM = 'give the count, the name and the memory in GB, as 2xH100-80';

/** `2xH100-80`, or `H100` for one of the usual size. Throws `usage`. */
export function parseGpus(text: string): GpuGroup {
  const groups = text.split(',').map((part) => parseGroup(part.trim(), text));
  const [first, ...others] = groups;
  if (first === undefined) throw wrong(text, 'it names no GPU', FORM);
  const other = others.find(({ name }) => name !== first.name);
  if (other !== undefined) throw mixed(`--gpus ${text}`, [first.name, other.name]);
  return {
    ...first,
    count: counted(
      text,
      groups.reduce((sum, { count }) => sum + count, 0),
    ),
  };
}

/** GPUs as nvidia-smi lists them: name and memory in MiB. Throws `usage` for one that is not in the table. */
export function recognizeGpus(listed: readonly { readonly name: string; readonly mebibytes: number }[]): GpuGroup {
  const found = listed.map(({ name, mebibytes }) => {
    const kind = Object.entries(GPUS).find(([, { seen }]) => seen.test(name));
    if (kind === undefined)
      throw new CaissonError('usage', `nvidia-smi shows the GPU ${JSON.stringify(name)}, which is not in the table`, {
        hint: `Name one that is like it with --gpus: ${Object.keys(GPUS).join(', ')}.`,
      });
    const [own, { generation, sizes }] = kind;
    // Machines whose memory the CPU shares do not say how much there is.
    const bytes = mebibytes > 0 ? mebibytes * 1024 ** 2 : sizes[0] * GIGA;
    return { name: own, bytes, generation };
  });
  const [first] = found;
  if (first === undefined)
    throw new CaissonError('usage', 'nvidia-smi shows no GPU', {
      hint: `Say which GPUs are meant with --gpus: ${FORM}.`,
    });
  const other = found.find(({ name }) => name !== first.name);
  if (other !== undefined) throw mixed('this machine', [first.name, other.name]);
  const bytes = Math.min(...found.map((one) => one.bytes));
  const size = Math.round(bytes / GIGA);
  return { name: `${first.name}-${size}`, count: found.length, bytes, ...ABILITIES[first.generation] };
}

function parseGroup(part: string, text: string): GpuGroup {
  const match = /^(?:(\d+) ?[x×] ?)?([A-Z][A-Z0-9]*)(?:-(\d+)(?:GB)?)?$/i.exec(part);
  const [, count = '1', word = '', size] = match ?? [];
  if (match === null) throw wrong(text, `${JSON.stringify(part)} is not understood`, FORM);
  const name = word.toUpperCase();
  const kind = Object.hasOwn(GPUS, name) ? GPUS[name] : undefined;
  if (kind === undefined) {
    const meant = closestWord(name, Object.keys(GPUS));
    const guess = meant === undefined ? '' : `; did you mean "${meant}"?`;
    throw wrong(
      text,
      `there is no GPU "${word.slice(0, 40)}" in the table${guess}`,
      `known: ${Object.keys(GPUS).join(', ')}`,
    );
  }
  const gigabytes = size === undefined ? kind.sizes[0] : Number(size);
  if (!kind.sizes.includes(gigabytes))
    throw wrong(text, `there is no ${name} of ${size} GB`, `it has ${kind.sizes.join(' or ')} GB`);
  return {
    name: `${name}-${gigabytes}`,
    count: counted(text, Number(count)),
    bytes: gigabytes * GIGA,
    ...ABILITIES[kind.generation],
  };
}

function counted(text: string, count: number): number {
  if (count >= 1 && count <= MOST_GPUS) return count;
  throw wrong(text, count === 0 ? 'no GPU is left to plan for' : `at most ${MOST_GPUS} GPUs can be planned for`, FORM);
}

function mixed(what: string, [one, other]: readonly [string, string]): CaissonError {
  return new CaissonError('usage', `${what} has ${one} and ${other}: an engine splits a model over equal GPUs only`, {
    hint: `Plan for each kind by itself, as --gpus ${one}.`,
  });
}

function wrong(text: string, problem: string, hint: string): CaissonError {
  return new CaissonError('usage', `--gpus ${text.slice(0, 100)}: ${problem}`, {
    hint: `${hint[0]?.toUpperCase()}${hint.slice(1)}.`,
  });
}

// Owns the writing of a GGUF file, version 3, numbers of 32 bits only. Knows no model.
import { writeFile } from 'node:fs/promises';

export type GgufValue =
  | { readonly type: 'u32' | 'i32' | 'f32' | 'bool' | 'string'; readonly value: number | boolean | string }
  | { readonly type: 'array'; readonly of: 'i32' | 'f32' | 'string'; readonly values: readonly (number | string)[] };

/** `shape`: the fastest dimension first. */
export interface GgufTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Returns the bytes that were written. */
export async function writeGguf(
  file: string,
  values: Readonly<Record<string, GgufValue>>,
  tensors: readonly GgufTensor[],
): Promise<Buffer> {
  const head = [
    Buffer.from('GGUF'),
    scalar('u32', VERSION),
    scalar('u64', tensors.length),
    scalar('u64', Object.keys(values).length),
    ...Object.entries(values).flatMap(([name, value]) => [scalar('string', name), ...valueBytes(value)]),
    ...describe(tensors),
  ];
  const bytes = Buffer.concat([
    padded(Buffer.concat(head)),
    ...tensors.map(({ data }) => padded(Buffer.from(data.buffer, data.byteOffset, data.byteLength))),
  ]);
  await writeFile(file, bytes);
  return bytes;
}

const VERSION = 3;
const ALIGNMENT = 32;
const F32 = 0;
const TYPES = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;

function valueBytes(value: GgufValue): readonly Buffer[] {
  const kind = scalar('u32', TYPES[value.type]);
  if (value.type !== 'array') return [kind, scalar(value.type, value.value)];
  const { of, values } = value;
  return [kind, scalar('u32', TYPES[of]), scalar('u64', values.length), ...values.map((one) => scalar(of, one))];
}

function describe(tensors: readonly GgufTensor[]): readonly Buffer[] {
  let offset = 0;
  return tensors.flatMap(({ name, shape, data }) => {
    const at = offset;
    offset += Math.ceil(data.byteLength / ALIGNMENT) * ALIGNMENT;
    const sizes = [scalar('u32', shape.length), ...shape.map((size) => scalar('u64', size))];
    return [scalar('string', name), ...sizes, scalar('u32', F32), scalar('u64', at)];
  });
}

function scalar(type: 'u32' | 'i32' | 'f32' | 'bool' | 'string' | 'u64', value: number | boolean | string): Buffer {
  if (type === 'bool') return Buffer.from([Number(value)]);
  if (type === 'string') {
    const text = Buffer.from(String(value));
    return Buffer.concat([scalar('u64', text.length), text]);
  }
  const bytes = Buffer.alloc(type === 'u64' ? 8 : 4);
  if (type === 'u64') bytes.writeBigUInt64LE(BigInt(Number(value)));
  else if (type === 'f32') bytes.writeFloatLE(Number(value));
  else if (type === 'i32') bytes.writeInt32LE(Number(value));
  else bytes.writeUInt32LE(Number(value));
  return bytes;
}

function padded(bytes: Buffer): Buffer {
  const rest = (ALIGNMENT - (bytes.length % ALIGNMENT)) % ALIGNMENT;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(rest)]);
}

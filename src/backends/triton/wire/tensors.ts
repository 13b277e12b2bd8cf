// Owns the bytes of tensors: rows of values, the smallest byte first, as Triton takes and gives them. Knows no model.

/** One value, or a row of texts. */
export type TensorValue = string | number | boolean | readonly string[];

const LENGTH_BYTES = 4;

/** The values in the datatype that the model names. Undefined: no such value goes into that datatype. */
export function encodeTensor(datatype: string, value: TensorValue): Buffer | undefined {
  if (datatype === 'BYTES') return typeof value === 'object' || typeof value === 'string' ? texts(value) : undefined;
  if (datatype === 'BOOL') return typeof value === 'boolean' ? Buffer.of(value ? 1 : 0) : undefined;
  return typeof value === 'number' ? numeric(datatype, value) : undefined;
}

export function countOf(value: TensorValue): number {
  return typeof value === 'object' ? value.length : 1;
}

/** The first text of a tensor of type BYTES, whatever its shape says. Undefined if the bytes hold none. */
export function firstText(bytes: Buffer): string | undefined {
  if (bytes.length < LENGTH_BYTES) return undefined;
  const end = LENGTH_BYTES + bytes.readUInt32LE(0);
  return end > bytes.length ? undefined : bytes.toString('utf8', LENGTH_BYTES, end);
}

/** The first number of an integer tensor, whatever its shape says. Undefined if the bytes hold none. */
export function firstInteger(datatype: string, bytes: Buffer): number | undefined {
  if (bytes.length < widthOf(datatype)) return undefined;
  if (datatype === 'INT32') return bytes.readInt32LE(0);
  if (datatype === 'UINT32') return bytes.readUInt32LE(0);
  if (datatype === 'INT64') return Number(bytes.readBigInt64LE(0));
  return datatype === 'UINT64' ? Number(bytes.readBigUInt64LE(0)) : undefined;
}

function widthOf(datatype: string): number {
  return datatype.endsWith('64') ? 8 : 4;
}

function texts(value: string | readonly string[]): Buffer {
  const parts = (typeof value === 'string' ? [value] : value).flatMap((text) => {
    const bytes = Buffer.from(text);
    const length = Buffer.alloc(LENGTH_BYTES);
    length.writeUInt32LE(bytes.length);
    return [length, bytes];
  });
  return Buffer.concat(parts);
}

function numeric(datatype: string, value: number): Buffer | undefined {
  const bytes = Buffer.alloc(widthOf(datatype));
  try {
    if (datatype === 'INT32') bytes.writeInt32LE(value);
    else if (datatype === 'UINT32') bytes.writeUInt32LE(value);
    else if (datatype === 'INT64') bytes.writeBigInt64LE(BigInt(value));
    else if (datatype === 'UINT64') bytes.writeBigUInt64LE(BigInt(value));
    else if (datatype === 'FP32') bytes.writeFloatLE(value);
    else return undefined;
  } catch {
    return undefined;
  }
  return bytes;
}

// Owns the two forms of a vector, and the way from one to the other. Knows no request.
import type { Embedding } from '../../contracts/ports.ts';

const FLOAT_BYTES = 4;

/** Undefined if the text is no vector. */
export function inForm(vector: Embedding, base64: boolean): Embedding | undefined {
  if (typeof vector === 'string') {
    const bytes = Buffer.from(vector, 'base64');
    if (bytes.length === 0 || bytes.length % FLOAT_BYTES !== 0) return undefined;
    return base64 ? vector : floatsOf(bytes);
  }
  return base64 ? textOf(vector) : vector;
}

/** Read one by one: their place in memory is not that of numbers, and the machine may have its bytes in another order. */
function floatsOf(bytes: Buffer): readonly number[] {
  return Array.from({ length: bytes.length / FLOAT_BYTES }, (_, index) => bytes.readFloatLE(index * FLOAT_BYTES));
}

function textOf(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * FLOAT_BYTES);
  for (const [index, number] of vector.entries()) bytes.writeFloatLE(number, index * FLOAT_BYTES);
  return bytes.toString('base64');
}

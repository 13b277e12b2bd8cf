// Owns the stream that a body goes through on its way into a sandbox: decoded where it was encoded, with placeholders for values.
// Knows no header and no host.
import { Transform, type TransformCallback } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';
import type { Scanner } from './scanner.ts';

type Decoder = Transform;

const DECODERS: Readonly<Record<string, () => Decoder>> = {
  gzip: () => createGunzip(),
  'x-gzip': () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress(),
};

/** Undefined: such an encoding cannot be read. */
export function decoderOf(encoding: string): (() => Decoder) | undefined {
  return Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined;
}

/** An error of the decoder destroys it. Without one, as many bytes come out as went in. */
export class MaskingStream extends Transform {
  readonly #scanner: Scanner;
  readonly #decoder: Decoder | undefined;
  #held = '';
  #hasBegun = false;

  constructor(scanner: Scanner, decoder?: Decoder) {
    super();
    this.#scanner = scanner;
    this.#decoder = decoder;
    decoder?.on('data', (piece: Buffer) => {
      // What a small piece becomes may be very large: it waits in the decoder for whoever reads here.
      if (!this.#pass(piece, false)) decoder.pause();
    });
    decoder?.on('error', (error) => this.destroy(error));
  }

  override _transform(piece: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hasBegun = true;
    if (this.#decoder !== undefined) {
      this.#decoder.write(piece, () => done());
      return;
    }
    this.#pass(piece, false);
    done();
  }

  override _flush(done: TransformCallback): void {
    const finish = () => {
      this.#pass(Buffer.alloc(0), true);
      done();
    };
    // An answer without a body may name an encoding.
    if (this.#decoder === undefined || !this.#hasBegun) finish();
    else this.#decoder.once('end', finish).end();
  }

  override _read(size: number): void {
    this.#decoder?.resume();
    super._read(size);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#decoder?.destroy();
    super._destroy(error, done);
  }

  #pass(piece: Buffer, isLast: boolean): boolean {
    const { passed, held } = this.#scanner.substitute(this.#held + piece.toString('latin1'), isLast);
    this.#held = held;
    return passed === '' || this.push(Buffer.from(passed, 'latin1'));
  }
}

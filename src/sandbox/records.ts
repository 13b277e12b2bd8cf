// Owns the cutting of the control channel into records. What is longer than any record of ours is garbage. Knows no kind of record.
import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';

/** Longer than the facts and than any path. */
const RECORD_LETTERS = 64 * 1024;

/** Records end with NUL. After `onGarbage`, which is called once, nothing more is read. */
export function readRecords(channel: Readable, to: { onRecord(record: string): void; onGarbage(): void }): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  channel.on('data', (chunk: Buffer) => {
    const records = (rest + decoder.write(chunk)).split('\0');
    rest = records.pop() ?? '';
    for (const record of records) to.onRecord(record);
    if (rest.length <= RECORD_LETTERS) return;
    channel.destroy();
    to.onGarbage();
  });
}

// Owns the proof of how the control channel is cut into records, wherever chunks end.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { readRecords } from '../../../src/sandbox/records.ts';

function reading(): { channel: PassThrough; seen: string[]; readonly send: (bytes: Buffer) => Promise<void> } {
  const channel = new PassThrough();
  const seen: string[] = [];
  readRecords(channel, { onRecord: (record) => seen.push(record), onGarbage: () => seen.push('GARBAGE') });
  const send = async (bytes: Buffer) => {
    channel.write(bytes);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { channel, seen, send };
}

describe('the records of the control channel', () => {
  it('are the same at every cut, also within a character', async () => {
    const bytes = Buffer.from('facts\none\0end ä€🙂 0 /a b\0\0rest');
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const { seen, send } = reading();
      await send(bytes.subarray(0, cut));
      await send(bytes.subarray(cut));
      assert.deepEqual(seen, ['facts\none', 'end ä€🙂 0 /a b', ''], `cut at ${cut}`);
    }
  });

  it('end with the first one that is longer than any of ours, and nothing is read after it', async () => {
    const { channel, seen, send } = reading();
    await send(Buffer.from(`before\0${'x'.repeat(64 * 1024)}`));
    assert.deepEqual(seen, ['before']);
    await send(Buffer.from('x'));
    assert.deepEqual([seen, channel.destroyed], [['before', 'GARBAGE'], true]);
  });
});

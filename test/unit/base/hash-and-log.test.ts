// Owns the proof of the small ones: the hash, the logger, the clock. Knows no reader of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../src/base/clock.ts';
import { sha256 } from '../../../src/base/hash.ts';
import { jsonLogger, silentLogger } from '../../../src/base/logger.ts';

test('the hash is SHA-256 of the bytes, with its name in front', () => {
  const empty = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  assert.deepEqual([sha256(''), sha256(new Uint8Array())], [empty, empty]);
  assert.equal(sha256('ä'), sha256(Buffer.from([0xc3, 0xa4])));
});

test('a log line is one line of JSON, whatever stands in it', () => {
  const lines: string[] = [];
  const logger = jsonLogger(
    (line) => lines.push(line),
    () => 0,
  );
  logger.info('started', { port: 8484, missing: undefined });
  logger.error('two\nlines', { ok: false, none: null });
  assert.deepEqual(lines, [
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","message":"started","port":8484}\n',
    '{"time":"1970-01-01T00:00:00.000Z","level":"error","message":"two\\nlines","ok":false,"none":null}\n',
  ]);
  assert.equal(silentLogger.warn('nobody hears'), undefined);
});

test('the monotonic clock does not go back', () => {
  const seen = Array.from({ length: 1000 }, () => systemClock.monotonic());
  assert.deepEqual(
    seen.toSorted((left, right) => left - right),
    seen,
  );
});

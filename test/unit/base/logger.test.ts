// Shows what a line of the log is, and that lines below the configured level are not written.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonLogger, type LogLevel } from '../../../src/base/logger.ts';

const said = (least?: LogLevel) => {
  const lines: string[] = [];
  const logger = jsonLogger(
    (line) => lines.push(line),
    () => 0,
    least,
  );
  logger.info('a', { n: 1 });
  logger.warn('b');
  logger.error('c');
  return lines.map((line) => JSON.parse(line) as unknown);
};
const time = '1970-01-01T00:00:00.000Z';
const [info, warn, error] = [
  { time, level: 'info', message: 'a', n: 1 },
  { time, level: 'warn', message: 'b' },
  { time, level: 'error', message: 'c' },
];

test('each line is one JSON object with time, level, message and fields', () => {
  assert.deepEqual(said(), [info, warn, error]);
  assert.deepEqual(said('info'), [info, warn, error]);
});

test('a field that is called message as well takes nothing from the message', () => {
  const lines: string[] = [];
  const logger = jsonLogger(
    (line) => lines.push(line),
    () => 0,
  );
  logger.error('c', { message: 'of an error', n: 1 });
  assert.deepEqual(JSON.parse(lines[0] ?? ''), { ...error, reason: 'of an error', n: 1 });
});

test('what is below the level is not written', () => {
  assert.deepEqual(said('warn'), [warn, error]);
  assert.deepEqual(said('error'), [error]);
});

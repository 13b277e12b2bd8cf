// What the flags of `caisson keys` mean: limits, spans of time, moments, and what is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeOf, durationOf, limitsOf, momentOf } from '../../../src/cli/commands/key-limits.ts';

const NOW = Date.UTC(2026, 0, 31);
const DAY = 86_400_000;

test('each flag sets its limit, and without one there is none', () => {
  assert.equal(limitsOf({}), undefined);
  assert.deepEqual(
    limitsOf({
      models: 'qwen, team/*,',
      rpm: '60',
      tpm: '100000',
      streams: '4',
      'daily-tokens': '1000000',
      'daily-gpu-seconds': '0.5',
      soft: true,
      class: 'batch',
    }),
    {
      models: ['qwen', 'team/*'],
      requestsPerMinute: 60,
      tokensPerMinute: 100_000,
      streams: 4,
      dailyTokens: 1_000_000,
      dailyGpuSeconds: 0.5,
      budget: 'soft',
      class: 'batch',
    },
  );
});

test('what is no limit is refused with its flag', () => {
  const refused: readonly (readonly [Record<string, string | boolean>, RegExp])[] = [
    [{ rpm: '0' }, /^--rpm 0: give a whole number above 0$/],
    [{ tpm: '1.5' }, /^--tpm 1\.5: /],
    [{ streams: 'many' }, /^--streams many: /],
    [{ 'daily-tokens': '-1' }, /^--daily-tokens -1: /],
    [{ 'daily-gpu-seconds': 'Infinity' }, /^--daily-gpu-seconds Infinity: give a number above 0$/],
    [{ models: ' , ' }, /^--models: give at least one name$/],
    [{ class: 'urgent' }, /^--class urgent: the classes are interactive, batch$/],
    [{ hard: true, soft: true, 'daily-tokens': '1' }, /^--hard and --soft exclude each other$/],
    [{ soft: true }, /^--soft needs --daily-tokens or --daily-gpu-seconds$/],
  ];
  for (const [flags, message] of refused) assert.throws(() => limitsOf(flags), { code: 'usage', message });
});

test('a span is minutes, hours or days; a moment is a date or a span from now, ahead or back', () => {
  assert.deepEqual(
    ['90m', '24h', '7d', '0m', '1.5h'].map((text) => durationOf('overlap', text)),
    [5_400_000, 86_400_000, 7 * DAY, 0, 5_400_000],
  );
  for (const text of ['', '5', 'h', '-1h', '5w', '1 h'])
    assert.throws(() => durationOf('overlap', text), { code: 'usage', message: /^--overlap / });
  assert.equal(momentOf('expires', '30d', NOW, 1), NOW + 30 * DAY);
  assert.equal(momentOf('from', '30d', NOW, -1), NOW - 30 * DAY);
  assert.equal(momentOf('from', '2026-01-30', NOW, -1), NOW - DAY);
  for (const text of ['tomorrow', '30x', '2026-13-01'])
    assert.throws(() => momentOf('expires', text, NOW, 1), { code: 'usage', message: /^--expires / });
});

test('a change holds what its flags name: none takes a limit or the end away, and a budget needs no number', () => {
  const changes: readonly (readonly [Record<string, string | boolean>, object])[] = [
    [{ rpm: '60' }, { limits: { requestsPerMinute: 60 } }],
    [{ soft: true }, { limits: { budget: 'soft' } }],
    [{ expires: '30d' }, { expiresAt: NOW + 30 * DAY }],
    [{ days: '2' }, { expiresAt: NOW + 2 * DAY }],
    [
      { expires: 'none', models: 'none', rpm: 'none', tpm: 'none', streams: 'none', class: 'none' },
      {
        expiresAt: null,
        limits: { models: null, requestsPerMinute: null, tokensPerMinute: null, streams: null, class: null },
      },
    ],
    [
      { 'daily-tokens': 'none', 'daily-gpu-seconds': 'none', streams: '4' },
      { limits: { dailyTokens: null, dailyGpuSeconds: null, streams: 4 } },
    ],
  ];
  for (const [flags, change] of changes) assert.deepEqual(changeOf(flags, NOW), change);
});

test('a change of nothing, or of what is no limit, is refused', () => {
  const refused: readonly (readonly [Record<string, string | boolean>, RegExp])[] = [
    [{}, /^caisson keys limit ID needs what is to change, such as --rpm 60 or --rpm none$/],
    [{ json: true }, /^caisson keys limit ID needs/],
    [{ rpm: 'None' }, /^--rpm None: give a whole number above 0$/],
    [{ hard: true, soft: true }, /^--hard and --soft exclude each other$/],
    [{ expires: 'none', days: '2' }, /^--days and --expires exclude each other$/],
    [{ days: 'none' }, /^--days none: give a number above 0$/],
  ];
  for (const [flags, message] of refused) assert.throws(() => changeOf(flags, NOW), { code: 'usage', message });
});

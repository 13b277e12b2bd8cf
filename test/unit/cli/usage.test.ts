// What `caisson usage` asks for and shows. Scripted: the answer of the service.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usageCommand } from '../../../src/cli/commands/usage.ts';
import type { Context, Flags } from '../../../src/cli/context.ts';
import type { Overseer, UsageWish } from '../../../src/cli/overseer.ts';
import type { UsageLine } from '../../../src/contracts/accounts.ts';

const NOTHING = { requests: 0, promptTokens: 0, completionTokens: 0, cachedTokens: 0, gpuSeconds: 0 };
const LINES: readonly UsageLine[] = [
  {
    of: 'key_a',
    name: 'laptop',
    requests: 3,
    promptTokens: 300,
    completionTokens: 60,
    cachedTokens: 180,
    gpuSeconds: 1.26,
    estimated: NOTHING,
  },
  { of: 'key_b', ...NOTHING, estimated: { ...NOTHING, requests: 2, promptTokens: 5, completionTokens: 6 } },
];

async function usage(flags: Flags, lines: readonly UsageLine[] = LINES) {
  const wishes: UsageWish[] = [];
  const printed: string[] = [];
  const overseer: Pick<Overseer, 'usage' | 'close'> = {
    usage: async (wish) => {
      wishes.push(wish);
      return lines;
    },
    close: async () => {},
  };
  const context = {
    flags,
    terminal: { line: (text: string) => printed.push(text), remark: (text: string) => printed.push(text) },
    config: async () => ({}),
    overseer: async () => overseer,
  };
  const code = await usageCommand.run(Object(context) as Context);
  return { code, wishes, printed };
}

test('it shows one line for each key, with estimates apart', async () => {
  const { code, wishes, printed } = await usage({});
  assert.deepEqual([code, wishes], [0, [{ by: 'key' }]]);
  assert.deepEqual(printed, [
    '                requests      prompt  completion      cached       GPU s   estimated',
    'key_a laptop           3         300          60         180         1.3            ',
    'key_b                  0           0           0           0         0.0      2 (11)',
  ]);
});

test('view and time are asked for as they are given; a span of time goes back from now', async () => {
  const before = Date.now();
  const { wishes } = await usage({ by: 'model', from: '7d', to: '2026-02-01' });
  const [wish] = wishes;
  assert.deepEqual([wish?.by, wish?.to], ['model', Date.UTC(2026, 1, 1)]);
  const ago = 7 * 86_400_000;
  assert.ok((wish?.from ?? 0) >= before - ago && (wish?.from ?? 0) <= Date.now() - ago);
});

test('for a program it is JSON, and nothing is said in words when nothing was used', async () => {
  assert.deepEqual((await usage({ json: true })).printed, [JSON.stringify(LINES)]);
  assert.deepEqual((await usage({}, [])).printed, ['nothing was used in that time']);
});

test('a view that is none is refused', async () => {
  await assert.rejects(usage({ by: 'price' }), { code: 'usage', message: /^--by price: give one of key, team, / });
});

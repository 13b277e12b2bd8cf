// Spoilt requests to every route: whatever is sent, it is answered with a status that is no failure of ours, and soon.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPERATIONS as ALL } from '../../../src/gateway/openapi/document.ts';
import { EVERY_ROLE, says, type Service, startService } from '../service.ts';
import { createRandom, spoil, spoilText } from './spoil.ts';

/** A bundle is read from the socket itself, which a request that is injected does not have. */
const OPERATIONS = ALL.filter(({ bodyType }) => bodyType === undefined);
const COUNT = Number(process.env['CAISSON_MUTATIONS'] ?? 10_000);
const SEED = Number(process.env['CAISSON_SEED'] ?? 20_261_125);
const ANSWER_MS = 5000;

const BODIES: readonly unknown[] = [
  {
    model: 'm',
    messages: [{ role: 'user', content: 'hi' }],
    tools: [{ type: 'function', function: { name: 'f', parameters: {} } }],
    stream: false,
    n: 1,
    stop: ['x'],
  },
  {
    model: 'm',
    max_tokens: 9,
    system: 'be',
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'hi' }] },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'f', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'ok' }] },
    ],
  },
  {
    model: 'm',
    input: [
      { role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c', output: 'ok' },
    ],
    tools: [{ type: 'custom', name: 'p' }],
    include: [],
    reasoning: { effort: 'low' },
  },
  {
    model: 'm',
    messages: [
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{' } }],
      },
      { role: 'tool', tool_call_id: 'c', content: 'x' },
    ],
  },
];

function mutation(random: () => number, key: string) {
  const pick = <Item>(items: readonly [Item, ...Item[]]): Item =>
    items[Math.floor(random() * items.length)] ?? items[0];
  const operation = OPERATIONS[Math.floor(random() * OPERATIONS.length)];
  if (operation === undefined) throw new Error('there are no operations');
  const base = random() < 0.3 ? (operation.example.body ?? {}) : BODIES[Math.floor(random() * BODIES.length)];
  let body = base;
  for (let count = Math.ceil(random() * 3); count > 0; count -= 1) body = spoil(body, random);
  const json = JSON.stringify(body) ?? '';
  const url = operation.route.replaceAll(/:\w+|\*/g, () =>
    pick(['service', 'x', '%00', '%2e%2e', 'ü', 'run_0', 'a'.repeat(600)]),
  );
  const query = pick(['', '', '', '?limit=-1', '?limit=1&limit=2', '?a[b]=c&%', '?before=%ff', '?stream=true']);
  const type = pick([
    'application/json',
    'application/json',
    'application/json; charset=x',
    'text/plain',
    operation.bodyType ?? 'application/json',
  ]);
  return {
    method: pick([
      operation.method.toUpperCase(),
      operation.method.toUpperCase(),
      'POST',
      'GET',
      'DELETE',
      'PUT',
      'HEAD',
      'OPTIONS',
    ]),
    url: `${encodeURI(url).replaceAll('%25', '%')}${query}`,
    headers: {
      host: 'localhost',
      ...(random() < 0.95
        ? { authorization: `Bearer ${key}` }
        : { authorization: pick(['', 'Bearer', 'Bearer  ', 'Basic x']) }),
      ...(random() < 0.1 ? { 'anthropic-version': '2023-06-01' } : {}),
      ...(random() < 0.05 ? { 'last-event-id': pick(['-1', 'x', '9'.repeat(40)]) } : {}),
      'content-type': type,
    },
    body: random() < 0.2 ? spoilText(json, random) : json,
  };
}

type Mutation = ReturnType<typeof mutation>;

async function statusOf(service: Service, { method, url, headers, body }: Mutation): Promise<number | string> {
  const withBody = method === 'GET' || method === 'HEAD' ? {} : { payload: body };
  const late = Promise.withResolvers<string>();
  const timer = setTimeout(() => late.resolve('no answer'), ANSWER_MS);
  const answer = service.app.inject({ method: method as 'POST', url, headers, ...withBody }).then(
    ({ statusCode }) => statusCode,
    (error: unknown) => `it threw ${String(error)}`,
  );
  const status = await Promise.race([answer, late.promise]);
  clearTimeout(timer);
  return status;
}

test(`${COUNT} spoilt requests over all routes: no throw, no hang, no 500`, { timeout: 1_000_000 }, async (context) => {
  const service = await startService(context, {
    model: says({ type: 'text', text: 'hello' }, { type: 'finish', reason: 'stop' }),
    models: [{ id: 'm', backend: 'engine' }],
  });
  const key = await service.key(EVERY_ROLE);
  const random = createRandom(SEED);
  const seen = new Map<number | string, number>();
  const bad: unknown[] = [];
  for (let count = 0; count < COUNT; count += 50) {
    const batch = Array.from({ length: Math.min(50, COUNT - count) }, () => mutation(random, key));
    const statuses = await Promise.all(batch.map((one) => statusOf(service, one)));
    for (const [index, status] of statuses.entries()) {
      seen.set(status, (seen.get(status) ?? 0) + 1);
      if (typeof status === 'string' || status === 500) bad.push([status, batch[index]]);
    }
  }
  assert.deepEqual(bad.slice(0, 3), [], `seed ${SEED}`);
  const told = [200, 400, 401, 404].map((status) => (seen.get(status) ?? 0) > 0);
  assert.deepEqual(told, [true, true, true, true], JSON.stringify([...seen]));
});

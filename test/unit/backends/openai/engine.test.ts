// Shows what is learnt of an engine beside its answers: version and numbers, under the names that engines have had for them.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../../../src/base/clock.ts';
import type { ModelEvent } from '../../../../src/contracts/model-events.ts';
import { readNumbers } from '../../../../src/backends/openai/engine/numbers.ts';
import { reportEngine } from '../../../../src/backends/openai/engine/report.ts';
import { remarksOn } from '../../../../src/backends/openai/engine/versions.ts';
import { proveGeneration } from '../../../../src/backends/readiness.ts';
import { failed, finish, gather, HELLO, patient, say, think } from '../events.ts';
import { chunk, DONE } from './frames.ts';
import { backendAt, closedAddress, sendJson, sendStream, startEndpoint } from './scripted-endpoint.ts';

const VLLM = `# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="m"} 2.0
vllm:num_requests_running{engine="1",model_name="m"} 1.0
vllm:num_requests_waiting{engine="0",model_name="m"} 4.0
vllm:num_requests_waiting_by_reason{engine="0",model_name="m",reason="capacity"} 9.0
vllm:kv_cache_usage_perc{engine="0",model_name="m"} 0.25
vllm:kv_cache_usage_perc{engine="1",model_name="m"} 0.75
vllm:prompt_tokens_total{engine="0",model_name="m"} 1000.0
vllm:prompt_tokens_created{engine="0",model_name="m"} 1.7e+09
vllm:prompt_tokens_cached_total{engine="0",model_name="m"} 640.0
vllm:prefix_cache_hits_total{engine="0",model_name="m"} 700.0
`;

describe('the numbers of an engine', () => {
  const cases: readonly (readonly [name: string, text: string, numbers: object | undefined])[] = [
    [
      'of vLLM are the sum over its engines, of the cache the fullest, and never the time a counter was made',
      VLLM,
      { running: 3, waiting: 4, cacheUsed: 0.75, promptTokens: 1000, cachedTokens: 640 },
    ],
    [
      'of an older vLLM have its older names',
      'vllm:gpu_cache_usage_perc{model_name="m"} 0.5\nvllm:gpu_prefix_cache_hits_total{model_name="m"} 7\n',
      { cacheUsed: 0.5, cachedTokens: 7 },
    ],
    [
      'of the first line of NIM have no prefix',
      'num_requests_running{model_name="m"} 1\nnum_requests_waiting 0\ngpu_cache_usage_perc 0.1 1700000000000\n',
      { running: 1, waiting: 0, cacheUsed: 0.1 },
    ],
    ['are none in another text', '<html>vllm:num_requests_running 1</html>', undefined],
    [
      'are left out where they are none',
      'vllm:num_requests_running NaN\nvllm:num_requests_waiting -1\nvllm:kv_cache_usage_perc{a="}"} 1\n',
      { cacheUsed: 1 },
    ],
    ['of the time a counter was made alone are none', 'vllm:prompt_tokens_created 1.7e9\n', undefined],
  ];
  for (const [name, text, numbers] of cases) test(name, () => assert.deepEqual(readNumbers(text), numbers));
});

describe('what there is to say of a version', () => {
  const queue = 'its queue has no end before 0.31.0: max_concurrent of this backend is the only bound';
  const plugin =
    'the reasoning parser nemotron_v3 is built in from 0.17.1 on; before, give the plugin beside the model';
  const budget = 'it does not know thinking_token_budget before 0.19.0: only max_tokens bounds its thinking';
  const name = 'its thinking is named reasoning_content before 0.11.2; both names are read and sent';
  const cases: readonly (readonly [version: string, models: readonly string[], remarks: readonly string[]])[] = [
    ['0.32.0', ['nvidia/NVIDIA-Nemotron-3-Ultra-550B-A55B-NVFP4'], []],
    ['0.31.0', ['m'], []],
    ['0.19.0', ['m'], [queue]],
    ['0.18.2', ['m'], [budget, queue]],
    ['0.11.2', ['m'], [budget, queue]],
    ['0.11.1', ['m'], [name, budget, queue]],
    ['0.30.2', ['m'], [queue]],
    ['v0.22.1+cu130', ['NVIDIA-Nemotron-3.5-Lightning-30B-A3B-BF16'], ['Nemotron 3.5 Lightning needs 0.27.1', queue]],
    ['0.16.0', ['nemotron-3-super'], ['Nemotron 3 Super needs 0.17.1', plugin, budget, queue]],
    ['0.9', ['m'], ['no model of the Nemotron family runs before 0.10.1', name, budget, queue]],
    ['a build of today', ['m'], []],
  ];
  for (const [version, models, remarks] of cases)
    test(`${version} with ${models[0]}`, () => assert.deepEqual(remarksOn(version, models), remarks));
});

describe('the report of an endpoint', () => {
  const reportAt = (url: string) => reportEngine({ url, key: 'k', connectMs: 5000, models: ['m'] }, patient());
  const wishes = [
    ['vLLM, beside its API', ['/version', '/metrics']],
    ['NIM, within it', ['/v1/version', '/v1/metrics']],
  ] as const;
  for (const [name, [version, metrics]] of wishes)
    test(`comes from the addresses of ${name}`, async (t) => {
      const endpoint = await startEndpoint(t, (response, { path }) => {
        if (path === version) sendJson(response, 200, { version: '0.30.0' });
        else if (path === metrics) response.end(VLLM);
        else sendJson(response, 404, { detail: 'Not Found' });
      });
      assert.deepEqual(await reportAt(endpoint.url), {
        version: '0.30.0',
        remarks: ['its queue has no end before 0.31.0: max_concurrent of this backend is the only bound'],
        numbers: { running: 3, waiting: 4, cacheUsed: 0.75, promptTokens: 1000, cachedTokens: 640 },
      });
    });

  test('says nothing of an engine that tells nothing, or is not there', async (t) => {
    const silent = await startEndpoint(t, (response, { path }) =>
      sendJson(response, 200, path === '/version' ? [] : {}),
    );
    assert.deepEqual(await reportAt(silent.url), { remarks: [] });
    assert.deepEqual(await reportAt(await closedAddress()), { remarks: [] });
  });
});

describe('the thinking of every version', () => {
  const history = { role: 'assistant' as const, content: 'Yes.', reasoning: 'before' };
  const request = { model: 'm', messages: [history, ...HELLO.messages], thinking: { budgetTokens: 7 } };
  /** `reasoning` came beside the older name, which then went. */
  const versions = [
    ['0.10.1', ['reasoning_content']],
    ['0.12.0', ['reasoning', 'reasoning_content']],
    ['0.32.0', ['reasoning']],
  ] as const;
  for (const [version, names] of versions)
    test(`is read once, and that of earlier turns is sent under both names: ${version}`, async (t) => {
      const endpoint = await startEndpoint(t, (response) => {
        const said = Object.fromEntries(names.map((name) => [name, 'hm']));
        sendStream(response, chunk(said), chunk({ content: 'y' }, 'stop'), DONE);
      });
      const events = await gather(backendAt(endpoint.url).stream(request, patient()));
      assert.deepEqual(events, [think('hm'), say('y'), finish('stop')]);
      const sent = endpoint.asked[0]?.body as { readonly messages: readonly object[] };
      assert.deepEqual(sent.messages[0], {
        role: 'assistant',
        content: 'Yes.',
        reasoning: 'before',
        reasoning_content: 'before',
      });
    });

  test('has a bound where the engine takes one; where it wants a setting for that, the request goes without', async (t) => {
    const words = 'thinking_token_budget is set but reasoning_config is not configured. Please set --reasoning-config.';
    const endpoint = await startEndpoint(t, (response, { body }) => {
      if (Object.hasOwn(body as object, 'thinking_token_budget'))
        sendJson(response, 400, { error: { message: words, type: 'BadRequestError', param: null, code: 400 } });
      else sendStream(response, chunk({ content: 'y' }, 'stop'), DONE);
    });
    const backend = backendAt(endpoint.url);
    for (const _ of [1, 2])
      assert.deepEqual(await gather(backend.stream(request, patient())), [say('y'), finish('stop')]);
    const budgets = endpoint.asked.map(({ body }) => (body as Record<string, unknown>)['thinking_token_budget']);
    assert.deepEqual(budgets, [7, undefined, undefined]);
  });
});

describe('an engine is proven by one token', () => {
  const model = (...events: readonly ModelEvent[]) => ({
    stream: async function* stream() {
      yield* events;
    },
  });
  const prove = async (backend: Parameters<typeof proveGeneration>[0]) => {
    const { milliseconds: _, ...proof } = await proveGeneration(backend, 'm', { clock: systemClock, timeoutMs: 300 });
    return proof;
  };

  test('which is all that it is asked for', async (t) => {
    const endpoint = await startEndpoint(t, (response) =>
      sendStream(response, chunk({ content: 'y' }, 'length'), DONE),
    );
    assert.deepEqual(await prove(backendAt(endpoint.url)), { ok: true });
    assert.deepEqual(
      endpoint.asked.map(({ path, body }) => [path, (body as { max_tokens?: number }).max_tokens]),
      [['/v1/chat/completions', 1]],
    );
  });

  test('and not by its health: one that dies of the request, or ends in the middle, gives none', async () => {
    assert.deepEqual(await prove(model(failed('EngineDeadError'))), { ok: false, failure: failed('EngineDeadError') });
    const failure = { code: 'backend_failed', message: 'the answer came to no end' };
    assert.deepEqual(await prove(model(say('ye'))), { ok: false, failure });
    assert.deepEqual(await prove(model(say('y'), finish('length'))), { ok: true });
  });

  test('within its time', async (t) => {
    const endpoint = await startEndpoint(t, () => {});
    const failure = { code: 'backend_failed', message: 'no token within 300 ms' };
    assert.deepEqual(await prove(backendAt(endpoint.url)), { ok: false, failure });
  });
});

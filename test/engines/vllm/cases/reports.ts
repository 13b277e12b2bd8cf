// Owns the tests of what is learnt of an engine before it is trusted: a token, its version and numbers, the suite of `caisson probe`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportEngine } from '../../../../src/backends/openai/engine/report.ts';
import { PROBE_CASES } from '../../../../src/backends/probe/cases.ts';
import { probeBackend } from '../../../../src/backends/probe/probe.ts';
import { proveGeneration } from '../../../../src/backends/readiness.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { type ChatRequest, textOf } from '../../../../src/contracts/messages.ts';
import { PLAYS, probePlay } from '../plays.ts';
import { MODEL, VERSION } from '../server.ts';
import { EACH, type OnStage } from '../stage.ts';

/** Each case is asked twice. */
const SUITE = { timeout: 300_000 };
/** A model that recites has nothing to say under a constraint: what it then says is left to chance. */
const BY_CHANCE: readonly string[] = ['tool that is named', 'JSON after a schema'];

export function testReports(on: OnStage): void {
  test('it is proven by one token', EACH, async () => {
    const proof = await proveGeneration(on().backend, MODEL, { clock: systemClock, timeoutMs: 30_000 });
    assert.equal(proof.ok, true, JSON.stringify(proof));
  });

  test('its version and its numbers are read', EACH, async () => {
    const options = { url: on().vllm.url, key: 'none', connectMs: 5000, models: [MODEL] };
    const { numbers = {}, ...report } = await reportEngine(options, AbortSignal.timeout(10_000));
    assert.deepEqual(report, { version: VERSION, remarks: [] });
    assert.deepEqual(Object.keys(numbers).sort(), ['cacheUsed', 'cachedTokens', 'promptTokens', 'running', 'waiting']);
    assert.deepEqual([numbers.running, numbers.waiting], [0, 0]);
    assert.ok(
      (numbers.promptTokens ?? 0) > (numbers.cachedTokens ?? 0) && (numbers.cacheUsed ?? 2) <= 1,
      JSON.stringify(numbers),
    );
  });

  test('the suite of the probe works, where the model plays what a good one would say', SUITE, async () => {
    const { backend } = on();
    const { stream, whole = stream } = backend;
    const playing = {
      ...backend,
      stream: (request: ChatRequest, signal: AbortSignal) => stream(cued(request), signal),
      whole: (request: ChatRequest, signal: AbortSignal) => whole(cued(request), signal),
    };
    const options = { clock: systemClock, timeoutMs: 60_000, signal: new AbortController().signal };
    const { results } = await probeBackend(playing, MODEL, options);
    const judged = results.filter(({ name }) => !BY_CHANCE.includes(name.replace(', whole', '')));
    assert.deepEqual(
      judged.map(({ name, outcome, detail }) => [name, outcome, detail]),
      PROBE_CASES.filter(({ name }) => !BY_CHANCE.includes(name)).flatMap(({ name, onlyStreamed }) => {
        const streamed = [name, 'works', ''];
        return onlyStreamed === true ? [streamed] : [streamed, [`${name}, whole`, 'works', '']];
      }),
    );
  });
}

/** The cue stands before the words of the case. */
function cued(request: ChatRequest): ChatRequest {
  const content = textOf(request.messages[0]?.role === 'user' ? request.messages[0].content : '');
  const found = PROBE_CASES.find((one) => content !== '' && textOf(one.request.messages[0]?.content ?? '') === content);
  const play = probePlay(found?.name ?? '');
  return Object.hasOwn(PLAYS, play)
    ? { ...request, messages: [{ role: 'user', content: `#play:${play}. ${content}` }] }
    : request;
}

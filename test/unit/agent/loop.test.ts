// Owns the proof of the loop: every ending, every answer that is neither call nor claim, and that prompts only grow.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runAgent } from '../../../src/agent/loop.ts';
import { newState } from '../../../src/agent/state.ts';
import type { ChatRequest, Message } from '../../../src/contracts/messages.ts';
import type { ModelEvent, RepairKind } from '../../../src/contracts/model-events.ts';
import { calls, OPTIONS, type Reply, says, scripted } from './scripted.ts';

const FIRST: readonly Message[] = [
  { role: 'system', content: 'rules' },
  { role: 'user', content: 'task' },
];
const open = () => new AbortController().signal;
const finish: Reply = calls(['finish', '{}']);

function lastText(request: ChatRequest | undefined): string {
  const content = request?.messages.at(-1)?.content;
  return typeof content === 'string' ? content : '';
}

function types(bodies: readonly { readonly type: string }[]): readonly string[] {
  return bodies.map((body) => body.type);
}

describe('the agent loop', () => {
  it('ends as done when a claim by the finish tool passes its checks', async () => {
    const world = scripted({ replies: [calls(['bash', '{"command":"ls"}']), finish] });
    const state = newState(FIRST);
    assert.deepEqual(await runAgent(state, OPTIONS, world.ports, open()), { end: 'done', summary: 'mended' });
    assert.deepEqual(types(world.bodies), [
      'model_requested',
      'model_answered',
      'tool_started',
      'tool_finished',
      'model_requested',
      'model_answered',
      'tool_started',
      'tool_finished',
      'finish_claimed',
    ]);
    assert.equal(state.promptTokens, 20);
    assert.equal(state.completionTokens, 4);
  });

  it('notes in the journal what was repaired of an answer, and nothing where nothing was', async () => {
    const repair = (kind: RepairKind): ModelEvent => ({ type: 'repair', kind, about: 'bash' });
    const read = [repair('call_in_text'), repair('unknown_parameter'), repair('unknown_parameter')];
    const world = scripted({ replies: [[...read, ...calls(['bash', '{}'])], finish] });
    await runAgent(newState(FIRST), OPTIONS, world.ports, open());
    assert.deepEqual(
      world.bodies.flatMap((body) => (body.type === 'model_answered' ? [body.repairs] : [])),
      [{ call_in_text: 1, unknown_parameter: 2 }, undefined],
    );
  });

  it('begins each request with all of the last one', async () => {
    const replies = [calls(['a', '1']), says('Should I go on?'), calls(['b', '2'], ['c', '3']), finish];
    const world = scripted({ replies });
    await runAgent(newState(FIRST), OPTIONS, world.ports, open());
    assert.equal(world.requests.length, 4);
    for (const [index, request] of world.requests.entries()) {
      const next = world.requests[index + 1];
      if (next !== undefined) assert.deepEqual(next.messages.slice(0, request.messages.length), request.messages);
      assert.equal(request.affinity, 'run_1');
    }
  });

  it('gives red checks back to the model as the result of its finish call and goes on', async () => {
    const verdicts = [{ passed: false, report: 'refused: tests are red' }];
    const world = scripted({ replies: [finish, calls(['bash', '{}']), calls(['finish', '{"n":2}'])], verdicts });
    const end = await runAgent(newState(FIRST), OPTIONS, world.ports, open());
    assert.deepEqual(end, { end: 'done', summary: 'mended' });
    assert.deepEqual(world.requests[1]?.messages.at(-1), {
      role: 'tool',
      callId: 'finish-{}',
      content: 'refused: tests are red',
    });
    assert.ok(types(world.bodies).includes('finish_refused'));
  });

  it('ends as failed after three refuted claims', async () => {
    const red = { passed: false, report: 'red' };
    const replies = [1, 2, 3].map((n) => calls(['finish', `{"n":${n}}`]));
    const world = scripted({ replies, verdicts: [red, red, red] });
    const end = await runAgent(newState(FIRST), OPTIONS, world.ports, open());
    assert.deepEqual(end, { end: 'checks_failed', summary: 'mended' });
  });

  it('takes a claim in words for a claim where checks can refute it', async () => {
    const replies = [says('I fixed the bug and all tests pass now.'), calls(['bash', '{}']), finish];
    const world = scripted({ replies, verdicts: [{ passed: false, report: 'red' }] });
    await runAgent(newState(FIRST), OPTIONS, world.ports, open());
    assert.deepEqual(world.requests[1]?.messages.at(-1), { role: 'user', content: 'red' });
    const without = scripted({ replies: [says('I fixed the bug and all tests pass now.'), finish] });
    await runAgent(newState(FIRST), { ...OPTIONS, checksDeclared: false }, without.ports, open());
    assert.match(lastText(without.requests[1]), /call finish/);
  });

  const cut: readonly ModelEvent[] = [
    { type: 'tool_call', index: 0, id: 'x', name: 'bash', arguments: '{"c', complete: false },
  ];
  const neither: readonly (readonly [string, readonly ModelEvent[], RegExp])[] = [
    ['empty', [{ type: 'finish', reason: 'stop' }], /empty/],
    [
      'cut',
      [
        { type: 'text', text: 'I think' },
        { type: 'finish', reason: 'length' },
      ],
      /cut off/,
    ],
    ['cut', [...cut, { type: 'finish', reason: 'length' }], /cut off/],
    ['cut', [{ type: 'text', text: 'no finish at all' }], /cut off/],
    ['malformed_call', [...cut, { type: 'finish', reason: 'tool_calls' }], /broken/],
    ['question', says('Which file do you mean?'), /Nobody can answer/],
    [
      'thinking_only',
      [
        { type: 'reasoning', text: 'hm' },
        { type: 'finish', reason: 'stop' },
      ],
      /only thinking/,
    ],
    ['call_as_text', says('<tool_call><function=bash>'), /written as text/],
    ['call_as_text', says('{"name": "bash", "arguments": {"command": "ls"}}'), /written as text/],
    ['no_call', says('Let me look at the tests; then it is fixed.'), /no tool call/],
  ];
  for (const [problem, reply, words] of neither) {
    it(`answers "${problem}" (${JSON.stringify(reply).slice(0, 40)}) with what to do next and runs nothing of it`, async () => {
      const world = scripted({ replies: [reply, finish] });
      const end = await runAgent(newState(FIRST), OPTIONS, world.ports, open());
      assert.deepEqual(end, { end: 'done', summary: 'mended' });
      assert.equal(world.bodies.find((body) => body.type === 'answer_refused')?.problem, problem);
      assert.match(lastText(world.requests[1]), words);
      assert.deepEqual(
        world.ran.map((call) => call.name),
        ['finish'],
      );
    });
  }

  it('ends at the limit of unusable answers in a row, and a usable call sets the count back', async () => {
    const silence = says('Hm?');
    const limits = { runFormatErrors: 2 };
    const world = scripted({ replies: [silence, calls(['a', '1']), silence, silence], limits });
    const end = await runAgent(newState(FIRST), OPTIONS, world.ports, open());
    assert.deepEqual(end, { end: 'limit_hit', limit: 'runFormatErrors' });
    assert.equal(world.requests.length, 4);
  });

  it('counts malformed calls as unusable answers and shows the model what was wrong', async () => {
    const tool = () => ({ result: { status: 'invalid', output: 'invalid call: no tool named x' } }) as const;
    const world = scripted({ replies: [calls(['x', '1']), calls(['x', '2'])], tool, limits: { runFormatErrors: 2 } });
    const end = await runAgent(newState(FIRST), OPTIONS, world.ports, open());
    assert.deepEqual(end, { end: 'limit_hit', limit: 'runFormatErrors' });
    assert.equal(world.requests[1]?.messages.at(-1)?.content, 'invalid call: no tool named x');
  });

  it('ends as stuck when the same call gives the same result again and again', async () => {
    const same = Array.from({ length: 5 }, () => calls(['bash', '{"command":"true"}']));
    const world = scripted({ replies: same, limits: { runRepeatedCalls: 3 } });
    const end = await runAgent(newState(FIRST), OPTIONS, world.ports, open());
    assert.deepEqual(end, { end: 'limit_hit', limit: 'runRepeatedCalls' });
    assert.equal(world.ran.length, 3);
  });

  it('does not take the same call with another result for being stuck', async () => {
    let n = 0;
    const tool = (call: { name: string }) => {
      n += 1;
      if (call.name === 'finish')
        return { result: { status: 'ok', output: 'ok' }, finish: { summary: 's', checked: '' } } as const;
      return { result: { status: 'ok', output: `tick ${n}` } } as const;
    };
    const replies = [...Array.from({ length: 4 }, () => calls(['bash', '{}'])), finish];
    const world = scripted({ replies, tool, limits: { runRepeatedCalls: 3 } });
    assert.deepEqual(await runAgent(newState(FIRST), OPTIONS, world.ports, open()), { end: 'done', summary: 's' });
  });

  it('ends at the limits of steps, tokens and time', async () => {
    const endWith = (limits: Record<string, number>, activeMs = () => 0) =>
      runAgent(
        newState(FIRST),
        OPTIONS,
        scripted({ replies: [calls(['a', '1']), finish], limits, activeMs }).ports,
        open(),
      );
    assert.deepEqual(await endWith({ runSteps: 1 }), { end: 'limit_hit', limit: 'runSteps' });
    assert.deepEqual(await endWith({ runTokens: 12 }), { end: 'limit_hit', limit: 'runTokens' });
    assert.deepEqual(await endWith({ runWallMs: 5 }, () => 5), { end: 'limit_hit', limit: 'runWallMs' });
  });

  it('tries a retryable failure again and keeps nothing of the failed answer', async () => {
    const failing: readonly ModelEvent[] = [
      { type: 'text', text: 'half an ans' },
      { type: 'error', code: 'backend_failed', message: 'engine died', retryable: true },
    ];
    const world = scripted({ replies: [failing, finish] });
    assert.deepEqual(await runAgent(newState(FIRST), OPTIONS, world.ports, open()), { end: 'done', summary: 'mended' });
    assert.deepEqual(world.requests[0]?.messages, world.requests[1]?.messages);
    assert.deepEqual(
      world.bodies.filter((body) => body.type === 'model_failed'),
      [{ type: 'model_failed', attempt: 1, code: 'backend_failed', message: 'engine died', retryable: true }],
    );
  });

  it('ends when a failure cannot be retried, or after the last attempt', async () => {
    const error = { type: 'error', code: 'model_not_found', message: 'no m', retryable: false } as const;
    const once = scripted({ replies: [[error]] });
    assert.deepEqual(await runAgent(newState(FIRST), OPTIONS, once.ports, open()), { end: 'model_failed', error });
    const busy = { type: 'error', code: 'overloaded', message: 'busy', retryable: true } as const;
    const four = scripted({ replies: [[busy], [busy], [busy], [busy]] });
    assert.deepEqual(await runAgent(newState(FIRST), OPTIONS, four.ports, open()), {
      end: 'model_failed',
      error: busy,
    });
    assert.equal(four.requests.length, 4);
  });

  it('stops between two calls when the signal aborts', async () => {
    const stop = new AbortController();
    const tool = () => {
      stop.abort();
      return { result: { status: 'killed', by: 'cancelled', output: 'killed: cancelled' } } as const;
    };
    const world = scripted({ replies: [calls(['a', '1'], ['b', '2'])], tool });
    assert.deepEqual(await runAgent(newState(FIRST), OPTIONS, world.ports, stop.signal), { end: 'stopped' });
    assert.deepEqual(
      world.ran.map((call) => call.name),
      ['a'],
    );
  });

  it('reads the words of a person before its next step', async () => {
    const world = scripted({ replies: [calls(['a', '1']), finish] });
    world.inbox.push('look at parse.js');
    await runAgent(newState(FIRST), OPTIONS, world.ports, open());
    assert.match(lastText(world.requests[0]), /look at parse\.js/);
  });

  it('runs parallel calls one after the other in the order they were made', async () => {
    const world = scripted({ replies: [calls(['a', '1'], ['b', '2'], ['c', '3']), finish] });
    await runAgent(newState(FIRST), OPTIONS, world.ports, open());
    assert.deepEqual(
      world.ran.map((call) => call.name),
      ['a', 'b', 'c', 'finish'],
    );
  });
});

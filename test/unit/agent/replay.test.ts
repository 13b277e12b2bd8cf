// Owns the proof that a journal cut anywhere gives back the state the loop had there.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sha256 } from '../../../src/base/hash.ts';
import { runAgent } from '../../../src/agent/loop.ts';
import { leaveUnknown, replayRun, UNKNOWN_OUTCOME } from '../../../src/agent/replay.ts';
import { newState } from '../../../src/agent/state.ts';
import type { Message } from '../../../src/contracts/messages.ts';
import { calls, OPTIONS, says, scripted } from './scripted.ts';

const FIRST: readonly Message[] = [
  { role: 'system', content: 'rules' },
  { role: 'user', content: 'task' },
];

function story() {
  const verdicts = [
    { passed: false, report: 'red once' },
    { passed: false, report: 'red in words' },
  ];
  const replies = [
    calls(['bash', '{"command":"ls"}'], ['read', '{"path":"a"}']),
    says('Which one?'),
    calls(['finish', '{"n":1}']),
    says('It is fixed now.'),
    calls(['bash', '{"command":"npm test"}']),
    calls(['finish', '{"n":2}']),
  ];
  return scripted({ replies, verdicts });
}

describe('replay of a run', () => {
  it('gives the state of the whole run from all of its events', async () => {
    const world = story();
    const state = newState(FIRST);
    await runAgent(state, OPTIONS, world.ports, new AbortController().signal);
    const content = async (hash: string) => world.contents.get(hash) ?? assert.fail(`no content ${hash}`);
    const replayed = await replayRun(world.events, [], content);
    assert.deepEqual(replayed, { state, unknownCalls: [], unread: [] });
  });

  it('goes on from a cut at any event to the same end, without running a started call again', async () => {
    const whole = story();
    await runAgent(newState(FIRST), OPTIONS, whole.ports, new AbortController().signal);
    const content = async (hash: string) => whole.contents.get(hash) ?? assert.fail(`no content ${hash}`);
    for (let cut = 0; cut <= whole.events.length; cut += 1) {
      const history = whole.events.slice(0, cut);
      const { state, unknownCalls } = await replayRun(history, FIRST, content);
      const started = history.filter((event) => event.body.type === 'tool_started').map((event) => event.body);
      const finished = new Set(history.flatMap(({ body }) => (body.type === 'tool_finished' ? [body.call] : [])));
      assert.deepEqual(
        unknownCalls,
        started.flatMap((body) => (body.type === 'tool_started' && !finished.has(body.call) ? [body.call] : [])),
      );
      leaveUnknown(state, unknownCalls);
      const again = scripted({ replies: [calls(['finish', '{"again":1}'])], verdicts: [] });
      const before = started.flatMap((body) => (body.type === 'tool_started' ? [body.call] : []));
      const end = await runAgent(state, OPTIONS, again.ports, new AbortController().signal);
      assert.equal(end.end, 'done', `cut at ${cut}`);
      assert.deepEqual(
        again.ran.filter((call) => before.includes(call.id)),
        [],
        `cut at ${cut}`,
      );
      if (unknownCalls.length > 0 && !unknownCalls[0]?.startsWith('finish'))
        assert.ok(state.messages.some((message) => message.content === UNKNOWN_OUTCOME));
    }
  });

  it('keeps words of a person that no request has held for the next request', async () => {
    const world = story();
    const text = 'be careful';
    await world.ports.emit([
      { body: { type: 'message_received', by: 'anna', textHash: sha256(text) }, contents: [text] },
    ]);
    const content = async (hash: string) => world.contents.get(hash) ?? assert.fail(`no content ${hash}`);
    const { unread, state } = await replayRun(world.events, FIRST, content);
    assert.deepEqual({ unread, messages: state.messages }, { unread: [text], messages: [...FIRST] });
  });
});

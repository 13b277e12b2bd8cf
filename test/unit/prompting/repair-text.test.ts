// Shows that calls which an engine left in its text become calls, that all else stays as the engine sent it, and when it is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CallSyntax } from '../../../src/contracts/model-profile.ts';
import type { FinishReason, ModelEvent } from '../../../src/contracts/model-events.ts';
import { repairText } from '../../../src/prompting/repair-text.ts';
import { everyCase } from './every-case.ts';
import { cutAtRandom, inventedIn, mutate, randomOf } from './mutations.ts';
import { gather, profileOf, type Read, TOOLS } from './reading.ts';

const call = (name: string, value: string) =>
  `<tool_call>\n<function=${name}>\n<parameter=a>\n${value}\n</parameter>\n</function>\n</tool_call>`;
const CALL = call('f', 'x');
const REQUEST = { model: 'm', messages: [], tools: TOOLS };

function repaired(
  events: readonly ModelEvent[],
  { syntax = 'xml', toolChoice = 'auto' }: { readonly syntax?: CallSyntax; readonly toolChoice?: 'auto' | 'none' } = {},
): readonly ModelEvent[] {
  const repair = repairText({ ...REQUEST, toolChoice }, profileOf(syntax));
  return [...events.flatMap((event) => repair.take(event)), ...repair.end()];
}

const text = (words: string): ModelEvent => ({ type: 'text', text: words });
const reasoning = (words: string): ModelEvent => ({ type: 'reasoning', text: words });
const end = (reason: FinishReason): ModelEvent => ({ type: 'finish', reason });
const STOP = end('stop');
const refusal = (kind: 'unknown_tool' | 'call_cut', about: string): ModelEvent => ({ type: 'repair', kind, about });
const QUIET = { reasoning: '', text: '', calls: [], repairs: [], finish: 'tool_calls' };

test('a call that was left in the text becomes a call, wherever its pieces were cut', () => {
  const whole = `Look.\n${CALL}`;
  const expected = { ...QUIET, reasoning: 'Hm.', text: 'Look.', calls: ['f{"a":"x"}'], repairs: ['call_in_text'] };
  for (let at = 0; at <= whole.length; at += 1)
    assert.deepEqual(
      gather(repaired([reasoning('Hm.'), text(whole.slice(0, at)), text(whole.slice(at)), STOP])),
      expected,
      `cut at ${at}`,
    );
  assert.deepEqual(gather(repaired([reasoning('Hm.'), ...whole.split('').map(text), STOP])), expected);
});

test('several calls, and calls in the syntax of other models, become calls', () => {
  const json = '<tool_call>{"name":"g","arguments":{"k":[1]}}</tool_call>';
  assert.deepEqual(gather(repaired([text(`${CALL}\n${call('f', 'y')}`), STOP])), {
    ...QUIET,
    calls: ['f{"a":"x"}', 'f{"a":"y"}'],
    repairs: ['call_in_text'],
  });
  assert.deepEqual(gather(repaired([text(json), STOP])), {
    ...QUIET,
    calls: ['g{"k":[1]}'],
    repairs: ['call_in_text', 'other_syntax'],
  });
});

test('a list of calls in capital marks becomes calls where the model writes such lists, and is text elsewhere', () => {
  const list = '<TOOLCALL>[{"name": "g", "arguments": {"k": 1}}, {"name": "g"}]</TOOLCALL>\n';
  const events = [reasoning('Hm.'), ...`Look.\n\n${list}`.split('').map(text), STOP];
  assert.deepEqual(gather(repaired(events, { syntax: 'json' })), {
    ...QUIET,
    reasoning: 'Hm.',
    text: 'Look.',
    calls: ['g{"k": 1}', 'g{}'],
    repairs: ['call_in_text'],
  });
  assert.deepEqual(gather(repaired(events)), gather(events));
  const cut = [text(list.slice(0, 40)), end('length')];
  assert.deepEqual(gather(repaired(cut, { syntax: 'json' })), { ...gather(cut), repairs: ['call_cut'] });
});

test('a call that was left in the thought becomes a call if nothing follows it', () => {
  const expected = { ...QUIET, reasoning: 'Hm.', calls: ['f{"a":"x"}'], repairs: ['call_in_thinking'] };
  assert.deepEqual(gather(repaired([reasoning(`Hm. ${CALL}`), STOP])), expected);
  const events = [reasoning(`Hm. ${CALL}`), text('No, I only say how it is done.'), STOP];
  assert.deepEqual(gather(repaired(events)), gather(events));
});

test('a plain answer stays what it is, with its usage and its stop sequence', () => {
  const usage: ModelEvent = { type: 'usage', promptTokens: 1, completionTokens: 2 };
  const stopped: ModelEvent = { type: 'finish', reason: 'stop', stop: 'END' };
  const events = [reasoning('Hm.'), text('Yes, a < b.'), stopped, usage];
  assert.deepEqual(repaired(events), events);
});

test('an engine that tells calls of its own is left alone, even where text before its call looks like one', () => {
  const own: ModelEvent = { type: 'tool_call', index: 0, id: 'c', name: 'f', arguments: '{"a":1}', complete: true };
  for (const before of ['Look.', CALL, `Look. ${CALL.slice(0, 40)}`]) {
    const events: readonly ModelEvent[] = [text(before), own, text(CALL), STOP];
    assert.deepEqual(gather(repaired(events)), gather(events));
    assert.equal(repaired(events).filter(({ type }) => type === 'tool_call').length, 1);
  }
});

test('an answer with a call that is cut by the limit, or of a tool that nobody offered, stays text', () => {
  const unknown = call('rm', 'x');
  const cases = [
    [CALL, 'length', []],
    [CALL.slice(0, -30), 'length', [refusal('call_cut', 'f')]],
    [unknown, 'stop', [refusal('unknown_tool', 'rm')]],
    [CALL + unknown, 'stop', [refusal('unknown_tool', 'rm')]],
  ] as const;
  for (const [left, reason, refused] of cases) {
    const events: readonly ModelEvent[] = [text('Look.'), text(left), end(reason)];
    const made = repaired(events);
    assert.deepEqual(
      [made.filter(({ type }) => type !== 'repair'), made.filter(({ type }) => type === 'repair').slice(0, 1)],
      [events, refused],
    );
  }
});

test('an engine that fails, or is cut, tells what it had said, and no finish', () => {
  const error: ModelEvent = { type: 'error', code: 'backend_failed', message: 'gone', retryable: true };
  assert.deepEqual(repaired([text('Look.'), text(' <tool_'), error]), [text('Look.'), text(' <tool_'), error]);
  assert.deepEqual(repaired([text(CALL)]), [text(CALL)]);
});

test('text stays where no call is wanted, and where the model has no syntax for one', () => {
  const events = [text(CALL), STOP];
  assert.deepEqual(repaired(events, { toolChoice: 'none' }), events);
  assert.deepEqual(repaired(events, { syntax: 'none' }), events);
});

test('words are told as soon as they can be no mark, and behind what only looked like a call', () => {
  const repair = repairText(REQUEST, profileOf('xml'));
  const given = ['Is a <', ' b? Write <tool', '_call> for', ' a call', '.\n', 'So.'];
  const told = given.map((piece) =>
    repair
      .take(text(piece))
      .map((event) => (event.type === 'text' ? event.text : event.type))
      .join(''),
  );
  assert.deepEqual(told, ['Is a', ' < b? Write', ' <tool_call> for', ' a call', '.', '\nSo.']);
});

/** Beside a call, white space and marks of thinking say nothing: they may be told where what stood before them was no call. */
function letters(read: Read): Pick<Read, 'text' | 'reasoning' | 'calls' | 'finish'> {
  const { text: said, reasoning: thought, calls, finish } = read;
  const plain = (words: string) => (calls.length === 0 ? words : words.replaceAll(/<\/?think>|\s/g, ''));
  return { text: plain(said), reasoning: plain(thought), calls, finish };
}

test('5,000 broken answers: whole calls or the text to the letter, whatever the cutting, and no call that is not there', () => {
  const random = randomOf(13);
  const outputs = everyCase();
  const seen = { calls: 0, text: 0 };
  for (let round = 0; round < 5000; round += 1) {
    const [, output, , how] = outputs[Math.floor(random() * outputs.length)] ?? assert.fail();
    const like = how?.syntax === 'json' ? { syntax: how.syntax } : {};
    const broken = mutate(output, random);
    const type = random() < 0.3 ? 'reasoning' : 'text';
    const read = gather(repaired([{ type, text: broken }, STOP], like));
    const pieces = cutAtRandom(broken, random).map((piece): ModelEvent => ({ type, text: piece }));
    assert.deepEqual(letters(gather(repaired([...pieces, STOP], like))), letters(read), JSON.stringify(broken));
    assert.equal(inventedIn(broken, read), undefined, JSON.stringify(broken));
    assert.ok(
      read.calls.every((one) => !one.endsWith('…')),
      JSON.stringify(broken),
    );
    if (read.calls.length === 0) assert.deepEqual([read[type], read.finish], [broken, 'stop']);
    seen[read.calls.length === 0 ? 'text' : 'calls'] += 1;
  }
  assert.ok(seen.calls > 500 && seen.text > 500, JSON.stringify(seen));
});

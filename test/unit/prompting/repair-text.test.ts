// Shows that calls which an engine left in its text become calls, and that an engine that parses by itself is left alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { repairText } from '../../../src/prompting/repair-text.ts';
import { gather, profileOf, TOOLS } from './reading.ts';

const CALL = '<tool_call>\n<function=f>\n<parameter=a>\nx\n</parameter>\n</function>\n</tool_call>';
const REQUEST = { model: 'm', messages: [], tools: TOOLS };

async function repaired(events: readonly ModelEvent[], toolChoice?: 'none') {
  const made: ModelEvent[] = [];
  const request = toolChoice === undefined ? REQUEST : { ...REQUEST, toolChoice };
  for await (const event of repairText(request, profileOf('xml'))(streamOf(events))) made.push(event);
  return made;
}

async function* streamOf(events: readonly ModelEvent[]): AsyncGenerator<ModelEvent> {
  yield* events;
}

const text = (words: string): ModelEvent => ({ type: 'text', text: words });
const reasoning = (words: string): ModelEvent => ({ type: 'reasoning', text: words });
const STOP: ModelEvent = { type: 'finish', reason: 'stop' };

test('a call that was left in the text becomes a call', async () => {
  const events = await repaired([reasoning('Hm.'), text(`Look.\n${CALL.slice(0, 30)}`), text(CALL.slice(30)), STOP]);
  assert.deepEqual(gather(events), {
    reasoning: 'Hm.',
    text: 'Look.',
    calls: ['f{"a":"x"}'],
    repairs: [],
    finish: 'tool_calls',
  });
});

test('a call that was left in the thought becomes a call', async () => {
  const events = await repaired([reasoning(`Hm. ${CALL}`), STOP]);
  assert.deepEqual(gather(events), {
    reasoning: 'Hm.',
    text: '',
    calls: ['f{"a":"x"}'],
    repairs: ['call_in_thinking'],
    finish: 'tool_calls',
  });
});

test('a plain answer stays what it is, with its usage and its stop sequence', async () => {
  const usage: ModelEvent = { type: 'usage', promptTokens: 1, completionTokens: 2 };
  const end: ModelEvent = { type: 'finish', reason: 'stop', stop: 'END' };
  const events = [reasoning('Hm.'), text('Yes.'), end, usage];
  assert.deepEqual(await repaired(events), events);
});

test('an engine that tells calls of its own is left alone', async () => {
  const call: ModelEvent = { type: 'tool_call', index: 0, id: 'c', name: 'f', arguments: '{"a":1}', complete: true };
  const events = [text('Look.'), call, text(CALL), STOP];
  assert.deepEqual(await repaired(events), events);
});

test('an engine that fails tells what it had said, and its error, and no finish', async () => {
  const error: ModelEvent = { type: 'error', code: 'backend_failed', message: 'gone', retryable: true };
  assert.deepEqual(await repaired([text('Look. <tool_'), error]), [text('Look.'), text(' <tool_'), error]);
});

test('a call is not complete if the stream is cut, and text stays where calls are not wanted', async () => {
  assert.deepEqual(gather(await repaired([text(CALL)])), {
    reasoning: '',
    text: '',
    calls: ['f{"a":"x"}…'],
    repairs: [],
    finish: '',
  });
  assert.deepEqual(gather(await repaired([text(CALL), STOP], 'none')).text, CALL);
});

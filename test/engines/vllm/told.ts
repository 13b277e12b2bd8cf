// Owns what an answer comes to, whichever way it came: thinking, text, calls, end. Knows no server.
import assert from 'node:assert/strict';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import { type PlayName, PLAYS, type Turn } from './plays.ts';

export interface Told {
  readonly thinking: string;
  readonly text: string;
  /** `arguments`: parsed where they are JSON, else as they came. `whole`: the engine closed the call. */
  readonly calls: readonly { readonly name: string; readonly arguments: unknown; readonly whole: boolean }[];
  readonly end: string;
}

/** What a turn comes to when nothing goes wrong. */
export function playOf(name: PlayName, step = 0): Told {
  const turns: readonly Turn[] = PLAYS[name];
  const turn = turns[step];
  assert.ok(turn !== undefined, `${name} has no turn ${step}`);
  return {
    thinking: turn.thinking,
    text: turn.text,
    calls: turn.calls.map(({ name: tool, arguments: given }) => ({ name: tool, arguments: given, whole: true })),
    end: turn.calls.length > 0 ? 'tool_calls' : 'stop',
  };
}

/** Space at both ends of thinking and text says nothing. */
export function toldBy(events: readonly ModelEvent[]): Told {
  const calls = new Map<number, { name: string; text: string; whole: boolean }>();
  let thinking = '';
  let text = '';
  let end = 'cut';
  for (const event of events) {
    if (event.type === 'reasoning') thinking += event.text;
    else if (event.type === 'text') text += event.text;
    else if (event.type === 'finish') end = event.reason;
    else if (event.type === 'error') end = event.code;
    else if (event.type === 'tool_call') {
      const call = calls.get(event.index) ?? { name: '', text: '', whole: false };
      call.name += event.name ?? '';
      call.text += event.arguments ?? '';
      call.whole ||= event.complete;
      calls.set(event.index, call);
    }
  }
  return {
    thinking: thinking.trim(),
    text: text.trim(),
    calls: [...calls.values()].map(({ name, text: given, whole }) => ({ name, arguments: jsonOr(given), whole })),
    end,
  };
}

export function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// Owns the putting together of tool calls from fragments, however an engine numbers and names them. Knows no text and no connection.
import type { FinishReason, ToolCallEvent } from '../../../contracts/model-events.ts';
import { isWholeCall } from '../../../contracts/whole-call.ts';
import type { CallDelta } from './chunk.ts';

export interface CallsOptions {
  /** An id for a call that came without one. */
  readonly newCallId: () => string;
  /** Whether a call of that tool needs arguments. */
  readonly needsArguments: (tool: string) => boolean;
}

export interface Calls {
  take(delta: CallDelta): readonly ToolCallEvent[];
  /** The events that say which calls are whole. */
  end(finish: FinishReason): readonly ToolCallEvent[];
  count(): number;
}

interface OpenCall {
  /** Number of the call in its events; engines may number otherwise. */
  readonly position: number;
  readonly engineIndex: number | undefined;
  id: string;
  name: string;
  arguments: string;
  /** False until its name is known: the first event must have it. */
  begun: boolean;
}

export function createCalls(options: CallsOptions): Calls {
  const calls: OpenCall[] = [];
  return {
    take: (delta) => {
      const call = callOf(calls, delta) ?? open(calls, delta);
      const fragment = delta.arguments;
      call.arguments += fragment;
      if (call.begun) return fragment === '' ? [] : [fragmentEvent(call, fragment)];
      call.id ||= delta.id;
      call.name ||= delta.name;
      return call.name === '' ? [] : [begin(call, options)];
    },
    end: (finish) =>
      calls.flatMap((call, position) => {
        const nameless = call.begun ? [] : [begin(call, options)];
        return [...nameless, ...ending(call, finish, position === calls.length - 1, options)];
      }),
    count: () => calls.length,
  };
}

/**
 * The call that a fragment goes on with, undefined if it begins one. By index; but a new id with a name begins a call even where the
 * engine gives every call the same index. Without an index: by id; a fragment that brings neither id nor name goes on with the last.
 */
function callOf(calls: readonly OpenCall[], delta: CallDelta): OpenCall | undefined {
  const { id, name } = delta;
  if (delta.index === undefined)
    return id === '' && name === '' ? calls.at(-1) : calls.find((call) => id !== '' && call.id === id);
  const known = calls.findLast((call) => call.engineIndex === delta.index);
  const isOther = known?.begun === true && id !== '' && name !== '' && id !== known.id;
  return isOther ? undefined : known;
}

function open(calls: OpenCall[], { index }: CallDelta): OpenCall {
  const call = { position: calls.length, engineIndex: index, id: '', name: '', arguments: '', begun: false };
  calls.push(call);
  return call;
}

function begin(call: OpenCall, { newCallId }: CallsOptions): ToolCallEvent {
  call.begun = true;
  call.id ||= newCallId();
  const { position: index, id, name } = call;
  const fragment = call.arguments === '' ? {} : { arguments: call.arguments };
  return { type: 'tool_call', index, id, name, ...fragment, complete: false };
}

function fragmentEvent({ position }: OpenCall, fragment: string): ToolCallEvent {
  return { type: 'tool_call', index: position, arguments: fragment, complete: false };
}

/** A call without any argument text is whole if its tool needs none: engines leave `{}` out; else it was cut behind its name. */
function ending(
  call: OpenCall,
  finish: FinishReason,
  isLast: boolean,
  { needsArguments }: CallsOptions,
): readonly ToolCallEvent[] {
  const isEmpty = call.arguments.trim() === '' && call.name !== '' && !needsArguments(call.name);
  if (call.name === '' || !isWholeCall(isEmpty ? '{}' : call.arguments, finish, isLast)) return [];
  return [{ type: 'tool_call', index: call.position, ...(isEmpty ? { arguments: '{}' } : {}), complete: true }];
}

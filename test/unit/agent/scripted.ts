// Owns the scripted surroundings of the loop in tests: replies of a model, results of tools, a journal in memory.
import { systemClock } from '../../../src/base/clock.ts';
import { sha256 } from '../../../src/base/hash.ts';
import { LIMITS } from '../../../src/base/limits.ts';
import { claimEvent } from '../../../src/contracts/claims.ts';
import type { AgentOptions, AgentPorts } from '../../../src/agent/ports.ts';
import type { ChatRequest, ToolCall } from '../../../src/contracts/messages.ts';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import type { CalledTool, ClaimVerdict } from '../../../src/contracts/ports.ts';
import type { EventBody, RunEvent } from '../../../src/contracts/run-events.ts';

export const OPTIONS: AgentOptions = { model: 'm', run: 'run_1', tools: [], checksDeclared: true };

export type Reply = readonly ModelEvent[] | ((request: ChatRequest) => readonly ModelEvent[]);

export interface Scripted {
  readonly ports: AgentPorts;
  readonly requests: ChatRequest[];
  readonly bodies: EventBody[];
  readonly events: RunEvent[];
  readonly contents: Map<string, string>;
  readonly inbox: string[];
  readonly ran: ToolCall[];
}

/** Plays `replies` in order and `verdicts` for claims; a tool call answers `done NAME` unless `tool` says otherwise. */
export function scripted(given: {
  readonly replies: readonly Reply[];
  readonly verdicts?: readonly ClaimVerdict[];
  readonly tool?: (call: ToolCall) => CalledTool | Promise<CalledTool>;
  readonly limits?: Partial<Record<keyof typeof LIMITS, number>>;
  readonly activeMs?: () => number;
}): Scripted {
  const requests: ChatRequest[] = [];
  const bodies: EventBody[] = [];
  const events: RunEvent[] = [];
  const contents = new Map<string, string>();
  const inbox: string[] = [];
  const ran: ToolCall[] = [];
  const verdicts = [...(given.verdicts ?? [])];
  const record = (body: EventBody) => {
    bodies.push(body);
    const seq = events.length + 1;
    const event = { v: 1, id: `ev_${seq}`, chain: 'run_1', seq, step: 0, time: 0, parent: '', previous: '', hash: '' };
    events.push({ ...event, body });
  };
  const runTool = async (call: ToolCall): Promise<CalledTool> => {
    record({ type: 'tool_started', call: call.id, tool: call.name, argumentsHash: sha256(call.arguments) });
    ran.push(call);
    const called = (await given.tool?.(call)) ?? toolResult(call);
    const { status, output } = called.result;
    contents.set(sha256(output), output);
    record({
      type: 'tool_finished',
      call: call.id,
      tool: call.name,
      status,
      detail: status,
      resultHash: sha256(output),
      ms: 0,
      restarted: false,
    });
    if (called.finish !== undefined) {
      const { body, contents: texts = [] } = claimEvent(called.finish, call.id);
      for (const text of texts) contents.set(sha256(text), text);
      record(body);
    }
    return called;
  };
  const ports: AgentPorts = {
    streamModel: async function* streamModel(request) {
      const reply = given.replies[requests.length];
      requests.push(request);
      if (reply === undefined) throw new Error('the script has no further reply');
      yield* typeof reply === 'function' ? reply(request) : reply;
    },
    runTool,
    verifyClaim: async () => verdicts.shift() ?? { passed: true, report: '' },
    emit: async (emitted) => {
      for (const { body, contents: texts } of emitted) {
        for (const text of texts ?? []) contents.set(sha256(text), text);
        record(body);
      }
    },
    progress: () => {},
    clock: systemClock,
    limits: { ...LIMITS, ...given.limits },
    takeMessages: () => inbox.splice(0),
    activeMs: given.activeMs ?? (() => 0),
    sleep: async () => {},
  };
  return { ports, requests, bodies, events, contents, inbox, ran };
}

function toolResult(call: ToolCall): CalledTool {
  if (call.name !== 'finish') return { result: { status: 'ok', output: `done ${call.name} ${call.arguments}` } };
  return { result: { status: 'ok', output: 'ok' }, finish: { summary: 'mended', checked: 'tests' } };
}

export function calls(...list: readonly (readonly [name: string, args: string])[]): readonly ModelEvent[] {
  const usage = { type: 'usage', promptTokens: 10, completionTokens: 2 } as const;
  return [
    ...list.map(([name, args], index) => ({
      type: 'tool_call' as const,
      index,
      id: `${name}-${args}`,
      name,
      arguments: args,
      complete: true,
    })),
    { type: 'finish', reason: 'tool_calls' },
    usage,
  ];
}

export function says(text: string): readonly ModelEvent[] {
  return [
    { type: 'text', text },
    { type: 'finish', reason: 'stop' },
  ];
}

// Owns the loop: ask the model, run its calls, check its claim, until an end. Knows no file, no process, no wire format.
import { sha256 } from '../base/hash.ts';
import { claimEvent } from '../contracts/claims.ts';
import type { ToolCall } from '../contracts/messages.ts';
import type { Usage } from '../contracts/model-events.ts';
import type { EmitEvent } from '../contracts/ports.ts';
import type { Answer } from './answer.ts';
import { askModel } from './ask-model.ts';
import { readAnswer } from './classify.ts';
import type { AgentEnd, AgentLimit, AgentOptions, AgentPorts } from './ports.ts';
import type { AgentState, PendingClaim } from './state.ts';

/**
 * Runs until an end is reached. Must not throw for anything the model, a tool or a person did; rejects only when the journal is lost.
 * `state` is changed in place, always after the event that says so is durable, so that a replay of the journal gives the same state.
 */
export async function runAgent(
  state: AgentState,
  options: AgentOptions,
  ports: AgentPorts,
  signal: AbortSignal,
): Promise<AgentEnd> {
  for (;;) {
    const end = stopped(signal) ?? (await nextMove(state, options, ports, signal));
    if (end !== undefined) return signal.aborted ? { end: 'stopped' } : end;
  }
}

function nextMove(
  state: AgentState,
  options: AgentOptions,
  ports: AgentPorts,
  signal: AbortSignal,
): Promise<AgentEnd | undefined> {
  if (state.claim !== undefined) return settleClaim(state, state.claim, ports, signal);
  const [call] = state.pendingCalls;
  if (call !== undefined) return runCall(state, call, ports, signal);
  return takeStep(state, options, ports, signal);
}

async function takeStep(
  state: AgentState,
  options: AgentOptions,
  ports: AgentPorts,
  signal: AbortSignal,
): Promise<AgentEnd | undefined> {
  const limit = limitHit(state, ports);
  if (limit !== undefined) return { end: 'limit_hit', limit };
  for (const text of ports.takeMessages()) state.messages.push(personSays(text));
  const asked = await askModel(state, options, ports, signal);
  if (!asked.ok) return { end: 'model_failed', error: asked.error };
  await takeAnswer(state, asked.answer, asked.ms, options, ports);
  return undefined;
}

/** A word of a person as the model reads it. */
export function personSays(text: string): { readonly role: 'user'; readonly content: string } {
  return { role: 'user', content: `A person who oversees this run says:\n${text}` };
}

async function takeAnswer(
  state: AgentState,
  answer: Answer,
  ms: number,
  options: AgentOptions,
  ports: AgentPorts,
): Promise<void> {
  const reading = readAnswer(answer, options.checksDeclared);
  const events: EmitEvent[] = [answeredEvent(answer, ms)];
  state.steps += 1;
  if (reading.kind === 'refused') {
    const replyHash = sha256(reading.reply);
    events.push({
      body: { type: 'answer_refused', problem: reading.problem, replyHash },
      contents: [reading.reply],
    });
  }
  if (reading.kind === 'claim') events.push(claimEvent({ summary: reading.summary, checked: '' }, ''));
  await ports.emit(events);
  countUsage(state, answer);
  switch (reading.kind) {
    case 'calls':
      state.messages.push(answer.message);
      state.pendingCalls = reading.calls;
      return;
    case 'claim':
      state.messages.push(answer.message);
      state.claim = { call: '', summary: reading.summary, checked: '' };
      return;
    case 'refused':
      state.formatErrors += 1;
      state.messages.push(withoutCalls(answer), { role: 'user', content: reading.reply });
  }
}

async function runCall(
  state: AgentState,
  call: ToolCall,
  ports: AgentPorts,
  signal: AbortSignal,
): Promise<AgentEnd | undefined> {
  const { result, finish } = await ports.runTool(call, state.steps, signal);
  if (signal.aborted) return { end: 'stopped' };
  state.pendingCalls = state.pendingCalls.slice(1);
  state.messages.push({ role: 'tool', callId: call.id, content: result.output });
  if (result.status === 'invalid') {
    state.formatErrors += 1;
    return undefined;
  }
  state.formatErrors = 0;
  if (finish !== undefined) {
    state.claim = { ...finish, call: call.id };
    return undefined;
  }
  const repeats = countRepeat(state, `${call.name}\n${call.arguments}\n${result.output}`);
  return repeats >= ports.limits.runRepeatedCalls ? { end: 'limit_hit', limit: 'runRepeatedCalls' } : undefined;
}

async function settleClaim(
  state: AgentState,
  claim: PendingClaim,
  ports: AgentPorts,
  signal: AbortSignal,
): Promise<AgentEnd | undefined> {
  const verdict = await ports.verifyClaim(claim, state.steps, signal);
  if (signal.aborted) return { end: 'stopped' };
  if (verdict.passed) return { end: 'done', summary: claim.summary };
  await ports.emit([
    { body: { type: 'finish_refused', reportHash: sha256(verdict.report) }, contents: [verdict.report] },
  ]);
  refuseClaim(state, claim, verdict.report);
  if (state.failedFinishes < ports.limits.runFailedFinishes) return undefined;
  return { end: 'checks_failed', summary: claim.summary };
}

/** The red checks go back to the model: as the result of its finish call, or as an answer to its words. */
export function refuseClaim(state: AgentState, claim: PendingClaim, report: string): void {
  state.claim = undefined;
  state.failedFinishes += 1;
  const at = state.messages.findLastIndex((message) => message.role === 'tool' && message.callId === claim.call);
  if (claim.call !== '' && at !== -1) state.messages[at] = { role: 'tool', callId: claim.call, content: report };
  else state.messages.push({ role: 'user', content: report });
}

/** How often the same call with the same result came in a row, this one included. */
export function countRepeat(state: AgentState, call: string): number {
  const key = sha256(call);
  state.repeats = key === state.lastCall ? state.repeats + 1 : 1;
  state.lastCall = key;
  return state.repeats;
}

export function countUsage(
  state: AgentState,
  answer: { readonly usage: Pick<Usage, 'promptTokens' | 'completionTokens'> | undefined },
): void {
  state.promptTokens += answer.usage?.promptTokens ?? 0;
  state.completionTokens += answer.usage?.completionTokens ?? 0;
}

function limitHit(state: AgentState, ports: AgentPorts): AgentLimit | undefined {
  const { limits } = ports;
  if (state.formatErrors >= limits.runFormatErrors) return 'runFormatErrors';
  if (state.steps >= limits.runSteps) return 'runSteps';
  if (state.promptTokens + state.completionTokens >= limits.runTokens) return 'runTokens';
  if (ports.activeMs() >= limits.runWallMs) return 'runWallMs';
  return undefined;
}

function stopped(signal: AbortSignal): AgentEnd | undefined {
  return signal.aborted ? { end: 'stopped' } : undefined;
}

function withoutCalls(answer: Answer): { readonly role: 'assistant'; readonly content: string } {
  return { role: 'assistant', content: answer.message.content };
}

function answeredEvent(answer: Answer, ms: number): EmitEvent {
  const text = JSON.stringify(answer.message);
  const { finish, usage, repairs } = answer;
  const body = { type: 'model_answered', messageHash: sha256(text), finish, ms } as const;
  return {
    body: { ...body, ...(usage === undefined ? {} : { usage }), ...(repairs === undefined ? {} : { repairs }) },
    contents: [text],
  };
}

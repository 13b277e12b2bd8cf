// Owns the one line that a person reads of an event. Knows no terminal and no transport.
import type { EventBody, EventOf, RunEvent } from '../contracts/run-events.ts';

const ARGUMENT_WIDTH = 72;

/** Reads a content beside the chain; '' if it is gone. */
export type ReadContent = (hash: string) => Promise<string>;

/** The line for the event; undefined for those that say nothing to a person who watches. */
export async function lineOf(event: RunEvent, content: ReadContent): Promise<string | undefined> {
  const text = await textOf(event.body, content);
  return text === undefined ? undefined : `${event.step === 0 ? '      ' : `step ${event.step}`.padEnd(6)}  ${text}`;
}

async function textOf(body: EventBody, content: ReadContent): Promise<string | undefined> {
  switch (body.type) {
    case 'sandbox_opened':
      return body.purpose === 'agent'
        ? `sandbox ready (firejail ${body.firejail}, ${Math.round(body.startMs)} ms)`
        : undefined;
    case 'tool_finished':
      return `${body.tool.padEnd(7)} → ${resultText(body)} (${seconds(body.ms)})`;
    case 'tool_started':
      return `${body.tool.padEnd(7)} ${brief(await content(body.argumentsHash))}`;
    case 'decided':
      return body.verdict === 'allow'
        ? undefined
        : `${body.verdict}: ${body.effect} by rule ${body.rule}: ${body.reason}`;
    case 'asked':
      return `waiting for a person: question ${body.question} (caisson approve ${body.question})`;
    case 'answered':
      return `${body.state} by ${body.by}${body.note === '' ? '' : `: ${body.note}`}`;
    case 'check_finished':
      return checkLine(body);
    default:
      return rareText(body, content);
  }
}

async function rareText(body: EventBody, content: ReadContent): Promise<string | undefined> {
  switch (body.type) {
    case 'model_failed':
      return `the model failed (${body.code}): ${body.message}${body.retryable ? '; trying again' : ''}`;
    case 'answer_refused':
      return `answer not usable: ${body.problem.replaceAll('_', ' ')}`;
    case 'message_received':
      return `${body.by} says: ${brief(await content(body.textHash))}`;
    case 'finish_claimed':
      return 'says it is done; killing its processes and checking on a fresh checkout';
    case 'finish_refused':
      return 'not done: the declared checks are red; back to work';
    case 'patch_made':
      return `patch ${body.patchHash.slice(0, 19)} (${body.files} ${body.files === 1 ? 'file' : 'files'})`;
    case 'run_resumed':
      return `taken up again (attempt ${body.attempt}, ${body.unknownCalls.length} calls with unknown outcome)`;
    case 'run_ended':
      return `${body.end}: ${body.detail}`;
    default:
      return applyText(body);
  }
}

function applyText(body: EventBody): string | undefined {
  switch (body.type) {
    case 'applied':
      return `applied as ${body.ref} (${body.commit.slice(0, 12)})`;
    case 'apply_failed':
      return `not applied to ${body.ref}: ${body.message}`;
    default:
      return undefined;
  }
}

function resultText({ status, exitCode, detail }: EventOf<'tool_finished'>): string {
  const words = status.replace('_', ' ');
  if (exitCode !== undefined) return `exit status ${exitCode}`;
  return detail === '' || detail === status ? words : `${words}: ${detail}`;
}

function checkLine(body: EventOf<'check_finished'>): string {
  const status = body.exitCode === undefined ? body.status : `${body.status} (exit status ${body.exitCode})`;
  return `check on ${body.on}: ${body.name} ${status} (${seconds(body.ms)})`;
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 0)} s`;
}

/** The first string argument of a call, on one line. */
export function brief(text: string): string {
  const line = firstText(text).replaceAll(/\s+/g, ' ').trim();
  return line.length <= ARGUMENT_WIDTH ? line : `${line.slice(0, ARGUMENT_WIDTH - 1)}…`;
}

function firstText(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return text;
    return Object.values(value).find((item): item is string => typeof item === 'string') ?? text;
  } catch {
    return text;
  }
}

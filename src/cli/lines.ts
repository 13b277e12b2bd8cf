// Owns the one line that a person reads of an event. Knows no terminal and no transport.
import type { EventBody, EventOf, EventType, RunEvent } from '../contracts/run-events.ts';
import type { SecretPlace } from '../contracts/workspace.ts';

const ARGUMENT_WIDTH = 72;
/** Behind `sha256:`. */
const SET_FROM = 7;
const SET_TO = 19;
const MEGABYTE = 1024 * 1024;
const MOST_PLACES = 5;

/** Reads a content beside the chain; '' if it is gone. */
export type ReadContent = (hash: string) => Promise<string>;

/** The line for the event; undefined for those that say nothing to a person who watches. */
export async function lineOf(event: RunEvent, content: ReadContent): Promise<string | undefined> {
  const text = await textOf(event.body, content);
  return text === undefined ? undefined : `${event.step === 0 ? '      ' : `step ${event.step}`.padEnd(6)}  ${text}`;
}

type Line<Type extends EventType> = (body: EventOf<Type>, content: ReadContent) => Promise<string> | string | undefined;

/** An event that is not here says nothing to a person who watches. */
const LINES: { readonly [Type in EventType]?: Line<Type> } = {
  setup_started: async ({ planHash }, content) => `setting up: ${commandsOf(await content(planHash))}`,
  setup_finished: setupLine,
  sandbox_opened: ({ purpose, firejail, startMs, confinedBy }) =>
    purpose === 'agent'
      ? `sandbox ready (firejail ${firejail}, ${Math.round(startMs)} ms${confinedBy === undefined ? '' : `, ${confined(confinedBy)}`})`
      : undefined,
  tool_finished: (body) => `${body.tool.padEnd(7)} → ${resultText(body)} (${seconds(body.ms)})`,
  tool_started: async ({ tool, argumentsHash }, content) => `${tool.padEnd(7)} ${brief(await content(argumentsHash))}`,
  decided: ({ verdict, effect, rule, reason }) =>
    verdict === 'allow' ? undefined : `${verdict}: ${effect} by rule ${rule}: ${reason}`,
  asked: ({ question }) => `waiting for a person: question ${question} (caisson approve ${question})`,
  answered: ({ state, by, note }) => `${state} by ${by}${note === '' ? '' : `: ${note}`}`,
  check_finished: checkLine,
  egress_allowed: (body) => `network ${requestText(body)}: allowed by ${body.rule}, ${body.receivedBytes} bytes`,
  egress_denied: (body) => `network ${requestText(body)}: ${body.outcome} by ${body.rule}: ${brief(body.said)}`,
  model_failed: ({ code, message, retryable }) =>
    `the model failed (${code}): ${message}${retryable ? '; trying again' : ''}`,
  answer_refused: ({ problem }) => `answer not usable: ${problem.replaceAll('_', ' ')}`,
  secrets_masked: ({ of, kinds }) =>
    `secret not kept: ${kinds.join(', ')} in ${of.replaceAll('_', ' ')} is masked in the journal`,
  secrets_found: async ({ where, found, placesHash }, content) =>
    `${where === 'patch' ? 'the patch adds' : 'the repository holds'} what looks like ` +
    `${found === 1 ? 'a secret' : `${found} secrets`}: ${placesText(await content(placesHash))}`,
  snapshot_taken: ({ step, tree, changed }) =>
    `files after step ${step} kept as ${tree.slice(0, 12)} (${changed} ${changed === 1 ? 'path' : 'paths'} changed)`,
  run_held: ({ held, by }) => `its files are ${held ? 'held' : 'held no more'}, by ${by}`,
  run_rewound: ({ from, step }) => `goes on where ${from} was after step ${step}`,
  message_received: async ({ by, textHash }, content) => `${by} says: ${brief(await content(textHash))}`,
  finish_claimed: () => 'says it is done; killing its processes and checking on a fresh checkout',
  finish_refused: () => 'not done: the declared checks are red; back to work',
  patch_made: ({ patchHash, files }) => `patch ${patchHash.slice(0, 19)} (${files} ${files === 1 ? 'file' : 'files'})`,
  run_resumed: ({ attempt, unknownCalls }) =>
    `taken up again (attempt ${attempt}, ${unknownCalls.length} calls with unknown outcome)`,
  run_ended: ({ end, detail }) => `${end}: ${detail}`,
  applied: ({ ref, commit }) => `applied as ${ref} (${commit.slice(0, 12)})`,
  apply_failed: ({ ref, message }) => `not applied to ${ref}: ${message}`,
};

async function textOf(body: EventBody, content: ReadContent): Promise<string | undefined> {
  // The table gives each type the function of that type.
  const line = LINES[body.type] as Line<EventType> | undefined;
  return line?.(body, content);
}

/** As much of the hash as tells two sets apart. */
function confined(set: string): string {
  return `confined by probe set ${set.slice(SET_FROM, SET_TO)}`;
}

function resultText({ status, exitCode, detail }: EventOf<'tool_finished'>): string {
  const words = status.replace('_', ' ');
  if (exitCode !== undefined) return `exit status ${exitCode}`;
  return detail === '' || detail === status ? words : `${words}: ${detail}`;
}

function commandsOf(plan: string): string {
  return plan === '' ? '' : brief((JSON.parse(plan) as { readonly commands: readonly string[] }).commands.join('; '));
}

function setupLine({ status, cache, files, bytes, ms, detail }: EventOf<'setup_finished'>): string {
  if (status === 'skipped') return `not set up: ${detail}`;
  if (status === 'failed') return `set-up failed (${seconds(ms)}): ${detail}`;
  const from = { hit: 'from the cache', miss: 'made', joined: 'made for another run', none: '' }[cache];
  return `set up, ${from}: ${files} files, ${(bytes / MEGABYTE).toFixed(1)} MB (${seconds(ms)})`;
}

function requestText(body: EventOf<'egress_allowed'> | EventOf<'egress_denied'>): string {
  const { method, scheme, host, port, path, times } = body;
  return `${method} ${scheme}://${host}:${port}${path}${times === 1 ? '' : ` (${times} times)`}`;
}

function checkLine(body: EventOf<'check_finished'>): string {
  const status = body.exitCode === undefined ? body.status : `${body.status} (exit status ${body.exitCode})`;
  return `check on ${body.on}: ${body.name} ${status} (${seconds(body.ms)})`;
}

/** file:line and kind of the first few. */
function placesText(text: string): string {
  const places = text === '' ? [] : (JSON.parse(text) as readonly SecretPlace[]);
  const more = places.length > MOST_PLACES ? `, and ${places.length - MOST_PLACES} more` : '';
  return (
    places
      .slice(0, MOST_PLACES)
      .map(({ path, line, kind }) => `${path}:${line} (${kind})`)
      .join(', ') + more
  );
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

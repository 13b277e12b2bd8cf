// Breaks outputs of models at random, the same way for the same seed, and says whether a call was read that is not there.
import type { Read } from './reading.ts';

const MARKS = [
  '<tool_call>',
  '</tool_call>',
  '<TOOLCALL>',
  '</TOOLCALL>',
  '<function=f>',
  '</function>',
  '<parameter=a>',
  '</parameter>',
  '<think>',
  '</think>',
  '<|im_end|>',
  '\n',
  '{',
  '}',
  '[',
  ']',
  ',',
  '"',
  '<',
  '😀',
  '```',
];

/** Numbers from 0 to 1. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296;
    return state / 4_294_967_296;
  };
}

export function mutate(text: string, random: () => number): string {
  let made = text;
  const times = 1 + Math.floor(random() * 3);
  for (let time = 0; time < times; time += 1) made = mutateOnce(made, random);
  return made;
}

function mutateOnce(text: string, random: () => number): string {
  const at = Math.floor(random() * (text.length + 1));
  const end = at + Math.floor(random() * 20);
  const mark = MARKS[Math.floor(random() * MARKS.length)] ?? '';
  const kind = Math.floor(random() * 5);
  if (kind === 0) return text.slice(0, at) + text.slice(end);
  if (kind === 1) return text.slice(0, at) + mark + text.slice(at);
  if (kind === 2) return text.slice(0, end) + text.slice(at);
  if (kind === 3) return text.slice(0, at);
  const found = text.indexOf(mark);
  return found === -1
    ? text.slice(0, at) + mark + text.slice(end)
    : text.slice(0, found) + text.slice(found + mark.length);
}

export function cutAtRandom(text: string, random: () => number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const size = 1 + Math.floor(random() * 9);
    pieces.push(text.slice(at, at + size));
    at += size;
  }
  return pieces;
}

/** Each whole call has its own opening in the output, and its arguments are JSON. Says what is wrong. */
export function inventedIn(output: string, { calls }: Read): string | undefined {
  const complete = calls.filter((call) => !call.endsWith('…'));
  const openings = output.split(/<function=|"name"/).length - 1;
  if (complete.length > openings) return `${complete.length} calls of ${openings} openings`;
  return complete.find((call) => {
    const at = argumentsIn(call);
    return at === undefined || !isWritten(call.slice(0, at), output);
  });
}

/** As it is, or as JSON writes it. */
function isWritten(name: string, output: string): boolean {
  return output.includes(name) || output.includes(JSON.stringify(name).slice(1, -1));
}

/** A broken name may hold a brace itself. */
function argumentsIn(call: string): number | undefined {
  const places = Array.from(call.matchAll(/\{/g), ({ index }) => index);
  return places.find((at) => {
    try {
      return typeof JSON.parse(call.slice(at)) === 'object';
    } catch {
      return false;
    }
  });
}

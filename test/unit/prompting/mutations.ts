// Breaks outputs of models at random, the same way for the same seed.

const MARKS = [
  '<tool_call>',
  '</tool_call>',
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

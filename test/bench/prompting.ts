// Owns the figures of prompting: a long argument, a long conversation, and a million broken outputs. Knows no engine.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Message } from '../../src/contracts/messages.ts';
import { createPromptFormat } from '../../src/prompting/create.ts';
import { everyCase } from '../unit/prompting/every-case.ts';
import { inventedIn, mutate, randomOf } from '../unit/prompting/mutations.ts';
import { eventsOf, profileOf, readOutput, TOOLS } from '../unit/prompting/reading.ts';
import type { Figure } from './figure.ts';
import { spreadOf } from './measure.ts';

const TEMPLATE = join(import.meta.dirname, '../fixtures/prompting/templates/nano3.jinja');
const MUTATIONS = Number(process.env['CAISSON_MUTATIONS'] ?? 1_000_000);

export async function promptingFigures(rounds: number): Promise<readonly Figure[]> {
  return [
    figure('an argument of 1 MB in one piece', 'ms', 100, timed(rounds, argument([1024 * 1024]))),
    figure('an argument of 1 MB in pieces of 64 characters', 'ms', 100, timed(rounds, argument([64]))),
    figure('an argument of 1 MB in JSON, in pieces of 64 characters', 'ms', 100, timed(rounds, listed(64))),
    figure('a conversation of 200 calls as a prompt', 'ms', 100, timed(rounds, conversation(200))),
    figure(`wrong readings of ${MUTATIONS} broken outputs`, 'outputs', 0, [wrongReadings(MUTATIONS)]),
  ];
}

function figure(what: string, unit: string, bar: number, values: readonly number[]): Figure {
  return { what, spread: spreadOf(values), unit, bar };
}

function timed(rounds: number, run: () => void): number[] {
  run();
  return Array.from({ length: rounds }, () => {
    const start = performance.now();
    run();
    return performance.now() - start;
  });
}

function argument([size = 1]: readonly number[]): () => void {
  const value = 'const x = "<b>é😀";\n'.repeat(60_000).slice(0, 1024 * 1024);
  const output = `<tool_call>\n<function=f>\n<parameter=a>\n${value}\n</parameter>\n</function>\n</tool_call>`;
  const pieces = cut(output, size);
  return () => void eventsOf(pieces, {});
}

function listed(size: number): () => void {
  const call = { name: 'f', arguments: { a: 'const x = "<b>é😀";\n'.repeat(60_000).slice(0, 1024 * 1024) } };
  const pieces = cut(`<TOOLCALL>[${JSON.stringify(call)}]</TOOLCALL>`, size);
  return () => void eventsOf(pieces, { syntax: 'json' });
}

function cut(output: string, size: number): string[] {
  return Array.from({ length: Math.ceil(output.length / size) }, (_, at) => output.slice(at * size, (at + 1) * size));
}

function conversation(turns: number): () => void {
  const format = createPromptFormat({
    template: readFileSync(TEMPLATE, 'utf8'),
    specialTokens: {},
    profile: profileOf('xml'),
  });
  const messages = Array.from({ length: turns }, (_, turn): Message[] => [
    { role: 'assistant', content: '', toolCalls: [{ id: `${turn}`, name: 'f', arguments: '{"a": "x", "n": 3}' }] },
    { role: 'tool', callId: `${turn}`, content: 'line of a result\n'.repeat(100) },
  ]).flat();
  return () =>
    void format.render({ model: 'm', messages: [{ role: 'user', content: 'Go' }, ...messages], tools: TOOLS });
}

function wrongReadings(count: number): number {
  const random = randomOf(13);
  const cases = everyCase();
  let wrong = 0;
  for (let round = 0; round < count; round += 1) {
    const [, output = '', , how] = cases[Math.floor(random() * cases.length)] ?? [];
    const broken = mutate(output, random);
    try {
      if (inventedIn(broken, readOutput([broken], how)) !== undefined) wrong += 1;
    } catch (error) {
      wrong += 1;
      console.error(JSON.stringify(broken), error);
    }
  }
  return wrong;
}

// The format of version 1 as it was fixed: one event of each type with its exact hash. These files are never changed.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sha256 } from '../../../src/base/hash.ts';
import { canonicalJson } from '../../../src/base/json.ts';
import { eventBodySchema, type RunEvent } from '../../../src/contracts/run-events.ts';
import { bodyText, eventOf, linkHash } from '../../../src/journal/format.ts';

const GOLDEN = new URL('./golden/v1/', import.meta.url);
const readGolden = (name: string) => JSON.parse(readFileSync(new URL(name, GOLDEN), 'utf8')) as RunEvent;

test('every event type has a golden event of version 1 and no golden event is of an unknown type', () => {
  const types = eventBodySchema().options.map((option) => `${option.shape.type.value}.json`);
  assert.deepEqual(readdirSync(GOLDEN).sort(), types.sort());
});

test('every golden event still parses to itself, and to the type its file is named by', () => {
  for (const name of readdirSync(GOLDEN)) {
    const { body } = readGolden(name);
    assert.deepEqual(eventBodySchema().parse(body), body, name);
    assert.equal(`${body.type}.json`, name);
  }
});

test('every golden event still has its hash, and comes back whole from its row', () => {
  for (const name of readdirSync(GOLDEN)) {
    const event = readGolden(name);
    const row = { ...event, body: bodyText(event.body) };
    assert.equal(linkHash(row), event.hash, name);
    assert.deepEqual(eventOf(row), event, name);
  }
});

test('the hash is the sha256 of the canonical JSON of all other fields', () => {
  const { hash, ...rest } = readGolden('model_answered.json');
  assert.equal(sha256(canonicalJson(rest)), hash);
});

test('an exact hash is written down here too, so that fixture and code cannot drift together', () => {
  assert.equal(
    readGolden('tool_finished.json').hash,
    'sha256:2ec12f34ca076d9951d4494a23b9fb6207068df63fe5edfa2048ab0fbbbbc123',
  );
});

test('a field that came later is optional: an answer with its repairs parses to itself, with half a repair it does not', () => {
  const { body } = readGolden('model_answered.json');
  const later = { ...body, repairs: { call_in_text: 1, unknown_parameter: 2 } };
  assert.deepEqual(eventBodySchema().parse(later), later);
  assert.equal(eventBodySchema().safeParse({ ...body, repairs: { call_in_text: 0.5 } }).success, false);
});

test('a field that came later is optional: an opened sandbox with its limits parses to itself, with another kind it does not', () => {
  const { body } = readGolden('sandbox_opened.json');
  const later = { ...body, limits: { processes: 'hard', total_memory: 'watched', disk: 'none' } };
  assert.deepEqual(eventBodySchema().parse(later), later);
  assert.equal(eventBodySchema().safeParse({ ...body, limits: { disk: 'soft' } }).success, false);
});

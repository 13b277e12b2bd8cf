// Shows that an alias means its model on every way to an engine, and what is said of aliases that mean nothing.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRouter } from '../../../src/backends/router.ts';
import { aliasProblems, behindAlias } from '../../../src/contracts/model-aliases.ts';
import type { Backend } from '../../../src/contracts/ports.ts';
import { withAliases } from '../../../src/models/aliased.ts';
import { aliasRemarks } from '../../../src/models/served.ts';

const ALIASES = { 'gpt-5-codex': 'big', big: 'nemotron', loose: 'nothing' };
const SIGNAL = new AbortController().signal;

/** Notes under which name it is asked. */
function engine() {
  const asked: string[] = [];
  const stream: Backend['stream'] = async function* stream({ model }) {
    asked.push(model);
    yield { type: 'finish', reason: 'stop' };
  };
  const backend: Backend = {
    name: 'one',
    recorded: false,
    stream,
    complete: stream,
    embed: async ({ model }) => {
      asked.push(model);
      return { type: 'embeddings', vectors: [] };
    },
    models: async () => [{ id: 'nemotron', backend: 'one', contextTokens: 1000 }],
    countTokens: async ({ model }) => asked.push(model),
    contextTokens: async (model) => asked.push(model),
    passing: () => Promise.reject(new Error('no bytes pass here')),
  };
  return { asked, backend };
}

describe('a router with aliases', () => {
  test('asks the engine for the model behind the alias, whatever it is asked', async () => {
    const { asked, backend } = engine();
    const router = withAliases(createRouter([backend]), ALIASES);
    const chat = { model: 'gpt-5-codex', messages: [], tools: [] };
    for await (const event of router.stream(chat, SIGNAL)) assert.equal(event.type, 'finish');
    const found = await router.backendOf('gpt-5-codex', SIGNAL);
    assert.ok(found !== undefined);
    for await (const event of found.stream(chat, SIGNAL)) assert.equal(event.type, 'finish');
    for await (const event of found.complete?.(chat, SIGNAL) ?? []) assert.equal(event.type, 'finish');
    await found.embed?.({ model: 'gpt-5-codex', input: [], base64: false }, SIGNAL);
    await found.countTokens?.(chat, SIGNAL);
    await found.contextTokens?.('gpt-5-codex');
    assert.deepEqual(
      asked,
      Array.from({ length: 6 }, () => 'nemotron'),
    );
  });

  test('lets no bytes pass under an alias, for it stands in them; under its own name they pass', async () => {
    const router = withAliases(createRouter([engine().backend]), ALIASES);
    const ways = await Promise.all(['gpt-5-codex', 'nemotron'].map((name) => router.backendOf(name, SIGNAL)));
    assert.deepEqual(
      ways.map((way) => way?.passing !== undefined),
      [false, true],
    );
  });

  test('lists an alias beside its model while that is served, and runs are of the model', async () => {
    const router = withAliases(createRouter([engine().backend]), ALIASES);
    const listed = ['nemotron', 'gpt-5-codex', 'big'].map((id) => ({ id, backend: 'one', contextTokens: 1000 }));
    assert.deepEqual(await router.models(SIGNAL), listed);
    const wished = await Promise.all(['', 'gpt-5-codex', 'nemotron'].map((wish) => router.findModel(wish)));
    assert.deepEqual(
      wished.map(({ model }) => model),
      ['nemotron', 'nemotron', 'nemotron'],
    );
  });

  test('without aliases is the router itself', () => {
    const router = createRouter([engine().backend]);
    assert.equal(withAliases(router, {}), router);
  });
});

describe('aliases', () => {
  test('in a circle, to themselves, or of a served name are problems; a long way is none', () => {
    assert.deepEqual(aliasProblems({ a: 'b', b: 'c', c: 'a', d: 'd', e: 'a', f: 'g', g: 'served' }, ['f']), [
      { alias: 'a', text: 'the aliases go in a circle: a → b → c → a' },
      { alias: 'b', text: 'the aliases go in a circle: b → c → a → b' },
      { alias: 'c', text: 'the aliases go in a circle: c → a → b → c' },
      { alias: 'd', text: 'the aliases go in a circle: d → d' },
      { alias: 'f', text: 'the alias hides the model f, which is served' },
    ]);
  });

  test('are followed to the end; a name that is in every object is none', () => {
    assert.deepEqual(
      ['gpt-5-codex', 'nemotron', 'constructor', 'toString'].map((name) => behindAlias(ALIASES, name)),
      ['nemotron', 'nemotron', 'constructor', 'toString'],
    );
  });

  test('that lead to nothing, or hide what an engine serves, are told', () => {
    const models = ['nemotron', 'big'].map((id) => ({ id, backend: 'one' }));
    assert.deepEqual(aliasRemarks(ALIASES, models), [
      'models.aliases.big: the alias hides the model big, which is served',
      'models.aliases.loose: no backend that answers serves "nothing"',
    ]);
  });
});

// Which models a backend says that it serves, and what it says when it cannot know.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { backendOf, NEVER, rejection, says, startEngine } from './engine.ts';

describe('the models', () => {
  test('are those that the endpoint lists, with their length where it says it', async (context) => {
    const data = [
      { id: 'a', object: 'model', root: '/models/a', max_model_len: 8192 },
      { id: 'b', object: 'model', max_model_len: null },
      { id: 'c', object: 'model' },
    ];
    const engine = await startEngine(context, (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ object: 'list', data }));
    });
    assert.deepEqual(await backendOf(engine.url).models(NEVER), [
      { id: 'a', backend: 'engine', contextTokens: 8192 },
      { id: 'b', backend: 'engine' },
      { id: 'c', backend: 'engine' },
    ]);
    assert.deepEqual(
      engine.asked.map(({ method, path }) => [method, path]),
      [['GET', '/v1/models']],
    );
  });

  test('that the configuration names are not asked for', async (context) => {
    const engine = await startEngine(context, says(''));
    const backend = backendOf(engine.url, { models: ['x', 'y'] });
    assert.deepEqual(
      { models: await backend.models(NEVER), declared: backend.declared, asked: engine.asked.length },
      {
        models: [
          { id: 'x', backend: 'engine' },
          { id: 'y', backend: 'engine' },
        ],
        declared: ['x', 'y'],
        asked: 0,
      },
    );
  });

  test('of an endpoint that answers with anything else are a coded error', async (context) => {
    const bodies = ['<html>Welcome</html>', '{}', '{"data":3}', '{"data":[{"name":"x"}]}', '[]', 'null', ''];
    for (const body of bodies) {
      const engine = await startEngine(context, (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(body);
      });
      const { code } = await rejection(backendOf(engine.url).models(NEVER));
      assert.ok(code === 'backend_garbage' || code === 'backend_failed', `${body}: ${code}`);
    }
  });
});

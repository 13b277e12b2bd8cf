// Shows how an engine is told that teams share no cache, and that it is told nothing where it is not to be.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { ChatRequest } from '../../../../src/contracts/messages.ts';
import { gather, HELLO, patient } from '../events.ts';
import { chunk, DONE } from './frames.ts';
import { backendAt, sendJson, sendStream, startEndpoint } from './scripted-endpoint.ts';

interface Body {
  readonly cache_salt?: string;
  readonly priority?: number;
  readonly team?: string;
  readonly background?: boolean;
}

/** What of each request reached the engine. */
async function sent(
  t: TestContext,
  teamCaches: boolean,
  ...requests: readonly ChatRequest[]
): Promise<readonly Body[]> {
  const endpoint = await startEndpoint(t, (response) => sendStream(response, chunk({ content: 'y' }, 'stop'), DONE));
  const backend = backendAt(endpoint.url, { teamCaches });
  for (const request of requests) await gather(backend.stream(request, patient()));
  return endpoint.asked.map(({ body }) => {
    const { cache_salt, priority, team, background } = body as Body;
    return JSON.parse(JSON.stringify({ cache_salt, priority, team, background })) as Body;
  });
}

describe('an engine that is told teams apart', () => {
  test('gets the same salt from a team each time, and another from each other team', async (t) => {
    const bodies = await sent(
      t,
      true,
      { ...HELLO, team: 'red' },
      { ...HELLO, team: 'blue' },
      { ...HELLO, team: 'red' },
    );
    const [red, blue, again] = bodies.map(({ cache_salt }) => cache_salt ?? '');
    assert.equal(again, red);
    assert.notEqual(blue, red);
    for (const body of bodies) assert.match(JSON.stringify(body), /^\{"cache_salt":"[0-9a-f]{32}"\}$/);
  });

  test("takes a client's own salt within its team: nobody can name the salt of another", async (t) => {
    const [plain] = await sent(t, true, { ...HELLO, team: 'red' });
    const stolen = { cache_salt: plain?.cache_salt ?? '' };
    const [own, other, thief] = await sent(
      t,
      true,
      { ...HELLO, team: 'red', extra: { cache_salt: 'a' } },
      { ...HELLO, team: 'blue', extra: { cache_salt: 'a' } },
      { ...HELLO, team: 'blue', extra: stolen },
    );
    assert.equal(new Set([plain, own, other, thief].map((body) => body?.cache_salt)).size, 4);
    assert.match(thief?.cache_salt ?? '', /^[0-9a-f]{32}$/);
  });

  test('keeps the prompts of each run to themselves', async (t) => {
    const bodies = await sent(t, true, { ...HELLO, affinity: 'run_1' }, { ...HELLO, affinity: 'run_2' });
    assert.equal(new Set(bodies.map(({ cache_salt }) => cache_salt)).size, 2);
  });

  test('serves what can wait behind the rest', async (t) => {
    const [body] = await sent(t, true, { ...HELLO, team: 'red', background: true });
    assert.equal(body?.priority, 1);
  });

  test('is asked without a priority once it has refused one, but never without a salt', async (t) => {
    const endpoint = await startEndpoint(t, (response, { body }) => {
      const { priority } = body as Body;
      if (priority === undefined) sendStream(response, chunk({ content: 'y' }, 'stop'), DONE);
      else sendJson(response, 400, { error: { message: 'Got priority 1 but priority scheduling is not enabled.' } });
    });
    const backend = backendAt(endpoint.url, { teamCaches: true });
    const request = { ...HELLO, team: 'red', background: true, extra: { cache_salt: 'a' } };
    for (let time = 0; time < 2; time += 1) await gather(backend.stream(request, patient()));
    const bodies = endpoint.asked.map(({ body }) => body as Body);
    assert.deepEqual(
      bodies.map(({ priority, cache_salt }) => [priority, cache_salt?.length]),
      [
        [1, 32],
        [undefined, 32],
        [undefined, 32],
      ],
    );
  });

  test('that refuses the salt answers nothing', async (t) => {
    const endpoint = await startEndpoint(t, (response) =>
      sendJson(response, 400, { error: { message: 'cache_salt is not supported' } }),
    );
    const request = { ...HELLO, team: 'red', extra: { cache_salt: 'a' } };
    const [event] = await gather(backendAt(endpoint.url, { teamCaches: true }).stream(request, patient()));
    assert.equal(event?.type === 'error' && event.code, 'invalid_input');
    for (const { body } of endpoint.asked) assert.equal((body as Body).cache_salt?.length, 32);
  });
});

test('any other engine hears of no team, and gets the salt of a client as it is', async (t) => {
  const own = { ...HELLO, team: 'red', background: true, extra: { cache_salt: 'a', priority: 5 } };
  assert.deepEqual(await sent(t, false, own), [{ cache_salt: 'a' }]);
});

// Shows that an engine hears whose request it answers, and which can wait, only where one is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callJson } from './http.ts';
import { ASK, PATH } from './chat-stream.ts';
import { says, startService } from './service.ts';

const model = says({ type: 'text', text: 'y' }, { type: 'finish', reason: 'stop' });

test('the team of the key, and the class that the request or the key has', async (t) => {
  const service = await startService(t, { model, changes: { tellsTeams: true } });
  const [red, blue] = [await service.key(['client'], 'red'), await service.key(['client'], 'blue')];
  const { key: slow } = await service.ports.accounts.create({
    name: 'slow',
    team: 'red',
    roles: ['client'],
    limits: { class: 'batch' },
  });
  await callJson(service, 'POST', PATH, { key: red, json: ASK });
  await callJson(service, 'POST', PATH, { key: blue, json: ASK, headers: { 'x-caisson-class': 'batch' } });
  await callJson(service, 'POST', PATH, { key: slow, json: ASK });
  assert.deepEqual(
    service.asked.map(({ request: { team, background } }) => ({ team, background })),
    [
      { team: 'red', background: undefined },
      { team: 'blue', background: true },
      { team: 'red', background: true },
    ],
  );
});

test('neither of them where no engine is told', async (t) => {
  const service = await startService(t, { model });
  await callJson(service, 'POST', PATH, { key: await service.key(['client'], 'red'), json: ASK });
  assert.deepEqual(
    service.asked.map(({ request }) => 'team' in request),
    [false],
  );
});

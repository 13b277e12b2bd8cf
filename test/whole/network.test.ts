// A run with a network, end to end: real firejail, real proxy, a real server on loopback by an explicit range. Only the model is recorded.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { EventOf, RunEvent } from '../../src/contracts/run-events.ts';
import { bash, finish, makeRepo, scriptOf, testHouse } from './house.ts';

interface Site {
  readonly url: string;
  readonly port: number;
  readonly paths: string[];
}

/** A server of the site. */
async function openSite(context: TestContext): Promise<Site> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(`${request.method} ${request.url}`);
    response.end(`you have ${request.url}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  return { url: `http://site.test:${port}`, port, paths };
}

const policyText = (port: number) => `version: 1
rules:
  - id: site-files
    effect: egress
    match: { host: site.test, port: ${port}, scheme: http, method: GET, path_prefix: /files }
    addresses: [127.0.0.0/8]
    verdict: allow
    reason: The site's own files.
    advice: Fetch what the task needs.
    examples: { match: ["http://site.test:${port}/files/a"], no_match: ["http://site.test:${port}/other"] }
  - id: site-asks
    effect: egress
    match: { host: site.test, port: ${port}, scheme: http, path_prefix: /private }
    addresses: [127.0.0.0/8]
    verdict: ask
    reason: This part of the site is a person's to open.
    advice: Ask for what you need.
    examples: { match: ["http://site.test:${port}/private/a"] }
`;

const eventsOf = <Type extends RunEvent['body']['type']>(events: readonly RunEvent[], type: Type) =>
  events.map(({ body }) => body).filter((body): body is EventOf<Type> => body.type === type);

test('a run fetches what a rule allows, asks a person for the rest, and gets it at the next try', async (context) => {
  const site = await openSite(context);
  const folder = await mkdtemp(join(tmpdir(), 'caisson-policy-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const policy = join(folder, 'policy.yaml');
  await writeFile(policy, policyText(site.port));
  const get = (path: string, after?: string) => bash(`curl -sS ${site.url}${path}`, after);
  const ask = { host: site.url, method: 'GET', path: '/private/a', why: 'the task needs it' };
  const script = scriptOf([
    get('/files/a'),
    get('/private/a', ''),
    { after: '', calls: [{ name: 'request_access', arguments: ask }] },
    get('/private/a', ''),
    get('/private/a', ''),
    bash(`curl -sS -X PUT ${site.url}/private/a`, ''),
    finish(''),
  ]);
  const settings = { policy, 'egress.names': { 'site.test': '127.0.0.1' } };
  const house = await testHouse(context, { script, settings });
  const run = await house.start(await makeRepo(context, { 'a.txt': 'a\n' }));
  const asked = await house.seen(run.id, 'asked');
  const record = await house.approvals.get(asked.question);
  const scope = { uses: 1 };
  await house.approvals.answer(asked.question, {
    verdict: 'approve',
    by: 'ann',
    shown: record?.shown ?? '',
    note: '',
    scope,
  });
  await house.runs.ended(run.id);
  const events = await house.events(run.id);
  const allowed = eventsOf(events, 'egress_allowed').map(({ rule, grant, path, times }) => [rule, grant, path, times]);
  const denied = eventsOf(events, 'egress_denied').map(({ rule, method, path }) => [rule, method, path]);
  assert.deepEqual(site.paths, ['GET /files/a', 'GET /private/a']);
  assert.deepEqual(
    allowed.map(([, grant, path, times]) => [grant === undefined ? 'rule' : 'grant', path, times]),
    [
      ['rule', '/files/a', 1],
      ['grant', '/private/a', 1],
    ],
  );
  assert.deepEqual(denied, [
    ['site-asks', 'GET', '/private/a'],
    ['site-asks', 'GET', '/private/a'],
    ['site-asks', 'PUT', '/private/a'],
  ]);
  const finished = eventsOf(events, 'tool_finished');
  const outputs = await Promise.all(finished.map(({ resultHash }) => house.journal.content(resultHash)));
  assert.match(
    outputs[1] ?? '',
    /network:\n- GET http:\/\/site\.test:\d+\/private\/a needs a person’s yes by the rule site-asks/,
  );
  assert.match(outputs[2] ?? '', /^ok\na person allowed it for 1 request: try again now$/);
  assert.match(outputs[3] ?? '', /you have \/private\/a/);
});

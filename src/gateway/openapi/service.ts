// Owns the description of the routes of the service itself: runs, approvals, keys, usage, and those who operate it. Knows no handler.
import { REQUEST_CLASSES, ROLES, USAGE_VIEWS } from '../../contracts/accounts.ts';
import { list, object, oneOf, type Operation, orNull, type Schema, text, THINGS, whole, yes } from './operation.ts';

const run = object({ id: text, state: text });
const runs = ['author', 'approver', 'auditor'] as const;
const key = object({ id: text, name: text, roles: list(oneOf(...ROLES)) });
const made = object({ key: text, record: key });
const ok = object({ ok: yes });
const plain = { type: 'string' };
const ofRun = { path: { id: THINGS.run } };
const backend = object({ name: text, state: text, inFlight: whole, requests: whole, failures: whole });
const ofBackend = { path: { name: THINGS.backend }, body: {} };
const setup = object({ key: text, commands: list(text), files: whole, bytes: whole, madeAt: whole, usedAt: whole });
const ofSetup = { path: { key: '0123456789abcdef0123456789abcdef' } };
const ofKey = { path: { id: THINGS.key } };
const ofQuestion = { path: { id: THINGS.question } };
const branch = { ref: 'refs/heads/fix', remote: '.' };
const commit = '1'.repeat(40);
const question = object({ id: text, run: text, state: text });
const limit: Readonly<Record<string, Schema>> = {
  'models?': list(text),
  'requestsPerMinute?': whole,
  'tokensPerMinute?': whole,
  'streams?': whole,
  'dailyTokens?': whole,
  'dailyGpuSeconds?': { type: 'number' },
  'budget?': oneOf('hard', 'soft'),
  'class?': oneOf(...REQUEST_CLASSES),
};
const probe = object({
  backend: text,
  model: { type: 'string' },
  version: { type: 'string' },
  at: whole,
  score: whole,
  results: list(
    object({
      name: text,
      outcome: oneOf('works', 'repaired', 'fails'),
      detail: { type: 'string' },
      milliseconds: { type: 'number' },
    }),
  ),
});
const limits = object(limit);
const newLimits = object(Object.fromEntries(Object.entries(limit).map(([name, schema]) => [name, orNull(schema)])));

function get(
  route: string,
  summary: string,
  roles: Operation['roles'],
  rest: Pick<Operation, 'answer' | 'example' | 'query'>,
): Operation {
  return { method: 'get', route, summary, roles, ...rest };
}

function post(
  route: string,
  summary: string,
  roles: Operation['roles'],
  rest: Omit<Operation, 'method' | 'route' | 'summary' | 'roles'>,
): Operation {
  return { method: 'post', route, summary, roles, ...rest };
}

export const SERVICE_OPERATIONS: readonly Operation[] = [
  get('/healthz', 'The service is alive', 'everyone', {
    answer: { status: 200, schema: ok },
    example: {},
  }),
  get('/readyz', 'Whether work can be taken now, and why not', 'everyone', {
    answer: { status: 200, schema: object({ ok: yes, reasons: list(text) }) },
    example: {},
  }),
  get('/openapi.json', 'This description', 'everyone', {
    answer: { status: 200, schema: object({ openapi: text, paths: { type: 'object' } }) },
    example: {},
  }),
  get('/metrics', 'Numbers for Prometheus', ['auditor'], {
    answer: { status: 200, schema: plain, type: 'text/plain' },
    example: {},
  }),
  post('/api/v1/bundles', 'Takes a git bundle for one run', ['author'], {
    body: { type: 'string', contentMediaType: 'application/octet-stream' },
    bodyType: 'application/octet-stream',
    answer: { status: 201, schema: object({ bundle: text, sha256: text, bytes: whole }) },
    example: { body: '# v2 git bundle\n' },
  }),
  post('/api/v1/runs', 'Starts a run on a bundle', ['author'], {
    body: object({
      task: text,
      model: text,
      bundle: text,
      origin: object({ head: text, branch: text, headTree: text, tree: text }),
      'checks?': list(object({ name: text, run: text })),
      'setup?': object({ run: list(text), 'files?': list(text), failure: oneOf('end', 'go_on') }),
      'publish?': object({ ref: text, remote: text }),
    }),
    answer: { status: 201, schema: run },
    example: {
      body: {
        task: 'Mend the test that fails.',
        model: 'example',
        bundle: THINGS.bundle,
        origin: { head: commit, branch: 'main', headTree: commit, tree: commit },
        checks: [{ name: 'test', run: 'npm test' }],
      },
    },
  }),
  get('/api/v1/runs', 'The runs that one may see, the newest first', runs, {
    query: { limit: whole, before: text, mine: oneOf('true', 'false') },
    answer: { status: 200, schema: object({ runs: list(run) }) },
    example: {},
  }),
  get('/api/v1/runs/:id', 'One run', runs, { answer: { status: 200, schema: run }, example: ofRun }),
  get('/api/v1/runs/:id/events', 'The events of a run as they come; Last-Event-ID goes on from there', runs, {
    answer: { status: 200, schema: plain, type: 'text/event-stream' },
    example: ofRun,
  }),
  get('/api/v1/runs/:id/diff', 'The patch of a run, or what changed between the ends of two steps', runs, {
    query: { from: whole, to: whole },
    answer: { status: 200, schema: plain, type: 'text/x-diff' },
    example: ofRun,
  }),
  get('/api/v1/runs/:id/snapshots', 'The steps whose files can be had again', runs, {
    answer: {
      status: 200,
      schema: object({ snapshots: list(object({ step: whole, tree: text, 'changed?': whole })) }),
    },
    example: ofRun,
  }),
  get('/api/v1/runs/:id/checks', 'The checks of a run', runs, {
    answer: { status: 200, schema: object({ checks: list(object({})) }) },
    example: ofRun,
  }),
  get('/api/v1/runs/:id/contents/:hash', 'A content that an event of a run names', runs, {
    answer: { status: 200, schema: plain, type: 'text/plain' },
    example: { path: { ...ofRun.path, hash: THINGS.content } },
  }),
  post('/api/v1/runs/:id/cancel', 'Ends a run', ['author'], { answer: { status: 200, schema: run }, example: ofRun }),
  post('/api/v1/runs/:id/message', 'Says something to a run', ['author'], {
    body: object({ text }),
    answer: { status: 202, schema: ok },
    example: { ...ofRun, body: { text: 'Use tabs.' } },
  }),
  post('/api/v1/runs/:id/rewind', 'Starts a run that goes on where this one was after a step', ['author'], {
    body: object({ step: whole, 'message?': text }),
    answer: { status: 201, schema: run },
    example: { ...ofRun, body: { step: 1, message: 'Try it without the cache.' } },
  }),
  post('/api/v1/runs/:id/hold', 'Keeps the files of a run until they are let go', ['author'], {
    body: object({ held: yes }),
    answer: { status: 200, schema: ok },
    example: { ...ofRun, body: { held: true } },
  }),
  post('/api/v1/runs/:id/apply', 'Asks whether a patch may become a branch', ['author'], {
    body: object({ ref: text, remote: text }),
    answer: { status: 200, schema: object({ state: text }) },
    example: { ...ofRun, body: branch },
  }),
  post('/api/v1/runs/:id/applied', 'Tells how that ended', ['author'], {
    body: object({ ok: yes, ref: text, 'commit?': text, 'base?': text, 'code?': text, 'message?': text }),
    answer: { status: 200, schema: ok },
    example: { ...ofRun, body: { ok: true, ref: branch.ref, commit, base: commit } },
  }),
  get('/api/v1/approvals', 'Questions that wait for a person, or did', runs, {
    query: { state: text, run: text },
    answer: { status: 200, schema: object({ approvals: list(question) }) },
    example: {},
  }),
  get('/api/v1/approvals/:id', 'One question with what is shown', runs, {
    answer: { status: 200, schema: object({ record: question, shown: text }) },
    example: ofQuestion,
  }),
  post('/api/v1/approvals/:id', 'Answers a question, bound to what was shown', ['approver'], {
    body: object({
      verdict: oneOf('approve', 'deny', 'revoke'),
      shown: text,
      'note?': text,
      'scope?': object({ 'uses?': whole, 'ms?': whole }),
    }),
    answer: { status: 200, schema: question },
    example: { ...ofQuestion, body: { verdict: 'deny', shown: THINGS.shown } },
  }),
  post('/api/v1/halt', 'Stops everything', ['approver'], {
    body: object({ 'note?': text }),
    answer: { status: 200, schema: object({}) },
    example: { body: { note: 'lunch' } },
  }),
  post('/api/v1/release', 'Lets runs start again', [], {
    body: object({}),
    answer: { status: 200, schema: ok },
    example: { body: {} },
  }),
  post('/api/v1/keys', 'Makes a key; it is told this once', [], {
    body: object({ name: text, 'team?': text, roles: list(oneOf(...ROLES)), 'expiresAt?': whole, 'limits?': limits }),
    answer: { status: 201, schema: made },
    example: { body: { name: 'editor', roles: ['client'] } },
  }),
  get('/api/v1/keys', 'All keys, without what is secret of them', [], {
    answer: { status: 200, schema: object({ keys: list(key) }) },
    example: {},
  }),
  {
    method: 'patch',
    route: '/api/v1/keys/:id',
    summary: 'Changes the limits of a key and of those that came from it by rotation, or its end; null takes one away',
    roles: [],
    body: object({ 'expiresAt?': orNull(whole), 'limits?': newLimits }),
    answer: { status: 200, schema: key },
    example: { ...ofKey, body: { limits: { requestsPerMinute: 60, dailyTokens: null } } },
  },
  post('/api/v1/keys/:id/rotate', 'Makes the key that comes in its place', [], {
    body: object({ 'overlapMs?': whole, 'expiresAt?': whole }),
    answer: { status: 201, schema: made },
    example: { ...ofKey, body: {} },
  }),
  post('/api/v1/keys/:id/revoke', 'Ends a key', [], { answer: { status: 200, schema: key }, example: ofKey }),
  get('/api/v1/usage', 'What was used: everything for auditors, one’s own for the others', ROLES, {
    query: { from: text, to: text, by: oneOf(...USAGE_VIEWS) },
    answer: { status: 200, schema: object({ from: whole, to: whole, by: text, usage: list(object({})) }) },
    example: {},
  }),
  get('/api/v1/queue', 'What waits for the engines', ROLES, {
    answer: { status: 200, schema: object({ engines: list(object({ engine: text })) }) },
    example: {},
  }),
  get('/api/v1/backends', 'The engines: state, what is under way, the last failure', ['auditor'], {
    answer: { status: 200, schema: object({ backends: list(backend) }) },
    example: {},
  }),
  get('/api/v1/probes', 'What each engine could do when it was last probed', ['auditor'], {
    answer: { status: 200, schema: object({ probes: list(probe) }) },
    example: {},
  }),
  post('/api/v1/probes', 'Stores what a probe of an engine found', [], {
    body: probe,
    answer: { status: 200, schema: ok },
    example: { body: { backend: 'one', model: 'm', version: '', at: 0, score: 100, results: [] } },
  }),
  get('/api/v1/setups', 'What was made ready for runs and is kept', ['auditor'], {
    answer: { status: 200, schema: object({ setups: list(setup) }) },
    example: {},
  }),
  get('/api/v1/setups/:key', 'One of them', ['auditor'], { answer: { status: 200, schema: setup }, example: ofSetup }),
  post('/api/v1/setups/:key/drop', 'Drops one that no run at work uses', [], {
    body: object({}),
    answer: { status: 200, schema: setup },
    example: { ...ofSetup, body: {} },
  }),
  post('/api/v1/sandbox/probe', 'Attacks a fresh sandbox; unless all attacks fail, nothing runs any more', [], {
    body: object({}),
    answer: { status: 200, schema: object({ ok: { type: 'boolean' }, checks: list(object({ name: text })) }) },
    example: { body: {} },
  }),
  post('/api/v1/backends/:name/drain', 'Sends no more requests to an engine', [], {
    body: object({}),
    answer: { status: 200, schema: backend },
    example: ofBackend,
  }),
  post('/api/v1/backends/:name/resume', 'Sends requests to it again', [], {
    body: object({}),
    answer: { status: 200, schema: backend },
    example: ofBackend,
  }),
  post('/api/v1/backends/reload', 'Reads the list of engines in the configuration anew', [], {
    body: object({}),
    answer: { status: 200, schema: object({ backends: list(backend) }) },
    example: { body: {} },
  }),
  get('/api/v1/journal/:id', 'Events of one chain: `service`, or the id of a run', ['auditor'], {
    query: { after: whole, limit: whole },
    answer: { status: 200, schema: object({ events: list(object({})) }) },
    example: { path: { id: 'service' } },
  }),
];

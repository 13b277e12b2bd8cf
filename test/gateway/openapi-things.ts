// The things that the examples of the description name, made for real in a service, one for each time that an example is asked.
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { sha256 } from '../../src/base/hash.ts';
import type { Principal } from '../../src/contracts/accounts.ts';
import { type ChatRequest, textOf } from '../../src/contracts/messages.ts';
import type { ModelEvent } from '../../src/contracts/model-events.ts';
import type { Backend } from '../../src/contracts/ports.ts';
import { type Operation, THINGS } from '../../src/gateway/openapi/operation.ts';
import { callJson, open } from './http.ts';
import { EVERY_ROLE, POLICY, says, type Service, startService } from './service.ts';

type Thing = keyof typeof THINGS;
type Example = Operation['example'];

const SHOWN = 'Make refs/heads/fix of this diff.';
const CONTENT = 'Use tabs.';
const HELLO = says({ type: 'text', text: 'hello' }, { type: 'finish', reason: 'stop' });
const BACKEND: Backend = {
  name: THINGS.backend,
  recorded: false,
  models: async () => [{ id: 'example', backend: THINGS.backend }],
  stream: HELLO,
};

export async function startWithThings(context: TestContext) {
  const service = await startService(context, {
    model,
    models: [{ id: 'example', backend: THINGS.backend }],
    backends: [BACKEND],
    stores: true,
    changes: {
      complete: HELLO,
      embed: async () => ({ type: 'embeddings', vectors: [[0.5, -2]], promptTokens: 1 }),
    },
  });
  const key = await service.key(EVERY_ROLE);
  service.runs.patchText = 'diff --git a/a b/a\n';
  /** The example with the ids of things that are there. */
  const real = async (example: Example): Promise<Example> => {
    const [first, ...others] = mentions(example);
    if (first === undefined) return example;
    const made = await make(first, service, key);
    let text = JSON.stringify(example);
    for (const thing of [first, ...others]) text = text.replaceAll(THINGS[thing], made[thing] ?? THINGS[thing]);
    return JSON.parse(text) as Example;
  };
  return { service, key, real };
}

export function mentions(example: Example): readonly Thing[] {
  const text = JSON.stringify(example);
  return (Object.keys(THINGS) as Thing[]).filter((thing) => text.includes(THINGS[thing]));
}

/** What is asked to wait says one word, and no more until its client has left or gives it up. */
async function* model(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
  if (textOf(request.messages.at(-1)?.content ?? '') !== 'wait') {
    yield* HELLO();
    return;
  }
  yield { type: 'text', text: 'hm' };
  if (!signal.aborted) await once(signal, 'abort');
  yield { type: 'error', code: 'aborted', message: 'the request was aborted', retryable: false };
}

/** The thing itself with what belongs to it. */
async function make(thing: Thing, service: Service, key: string): Promise<Partial<Record<Thing, string>>> {
  const owner = (await service.ports.accounts.authenticate(key)) ?? missing(thing);
  const makers: Readonly<Record<string, () => Promise<Partial<Record<Thing, string>>>>> = {
    run: async () => ({ run: await endedRun(service, owner), content: sha256(CONTENT) }),
    bundle: async () => ({ bundle: await upload(service, key) }),
    question: async () => ({ question: await ask(service, owner), shown: sha256(SHOWN) }),
    key: async () => ({
      key: (await service.ports.accounts.create({ name: 'ci', team: 'red', roles: ['client'] })).record.id,
    }),
    stored: async () => ({ stored: await storedResponse(service, key) }),
    running: async () => ({ running: await runningResponse(service, key) }),
    backend: async () => ({ backend: THINGS.backend }),
  };
  return (makers[thing] ?? missing(thing))();
}

function missing(thing: Thing): never {
  throw new Error(`nothing makes ${thing} here`);
}

async function endedRun({ runs }: Service, owner: Principal): Promise<string> {
  const { id } = await runs.add(owner);
  await runs.append(id, CONTENT);
  await runs.end(id);
  return id;
}

async function upload(service: Service, key: string): Promise<string> {
  const sent = { key, body: '# v2 git bundle\n', headers: { 'content-type': 'application/octet-stream' } };
  return (await callJson<{ bundle: string }>(service, 'POST', '/api/v1/bundles', sent)).body.bundle;
}

async function ask({ runs, ports }: Service, owner: Principal): Promise<string> {
  const { id: run } = await runs.add(owner);
  const decision = { verdict: 'ask', rule: 'r', reason: 'leaves', advice: 'wait', policy: POLICY, lost: [] } as const;
  const place = { ref: 'refs/heads/fix', remote: 'local', patch: sha256('patch'), base: 'b', sensitivePaths: [] };
  const effect = { type: 'publish' as const, ...place };
  return (await ports.approvals.open({ run, step: 1, effect, decision, summary: 'apply fix', shown: SHOWN })).id;
}

async function storedResponse(service: Service, key: string): Promise<string> {
  const json = { model: 'example', input: 'Say hello.', store: true };
  return (await callJson<{ id: string }>(service, 'POST', '/v1/responses', { key, json })).body.id;
}

/** Its client reads on, and is cut when somebody gives the response up. */
async function runningResponse(service: Service, key: string): Promise<string> {
  const json = { model: 'example', input: 'wait', stream: true };
  const answer = await open(service, 'POST', '/v1/responses', { key, json });
  answer.on('error', () => {});
  const [chunk] = (await once(answer, 'data')) as [Buffer];
  return /"id":"(resp_\w+)"/.exec(String(chunk))?.[1] ?? missing('running');
}

// Which backend answers for which model, what is asked on the way, and that every backend keeps the law of the port.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CaissonError } from '../../../src/base/errors.ts';
import { createRouter } from '../../../src/backends/router.ts';
import type { ModelEvent } from '../../../src/contracts/model-events.ts';
import type { Backend, StreamModel } from '../../../src/contracts/ports.ts';
import { errorOf, NEVER, rejection } from './engine.ts';

interface Stand extends Backend {
  /** How often it was asked for its models. */
  asked(): number;
  /** The models that it was asked to stream. */
  readonly streamed: readonly string[];
}

interface Wish {
  readonly models?: readonly string[] | Error;
  readonly declared?: readonly string[];
  readonly recorded?: boolean;
  readonly stream?: StreamModel;
}

/** A backend that, if nothing else is wished, answers with its own name. */
function stand(name: string, { models = [], declared, recorded = false, stream }: Wish = {}): Stand {
  const streamed: string[] = [];
  const nameOf: StreamModel = async function* say() {
    yield { type: 'text', text: name };
    yield { type: 'finish', reason: 'stop' };
  };
  let asked = 0;
  return {
    name,
    recorded,
    ...(declared === undefined ? {} : { declared }),
    asked: () => asked,
    streamed,
    models: async () => {
      asked += 1;
      if (models instanceof Error) throw models;
      return models.map((id) => ({ id, backend: name }));
    },
    stream: async function* answer(request, signal) {
      streamed.push(request.model);
      yield* (stream ?? nameOf)(request, signal);
    },
  };
}

const DOWN = new CaissonError('backend_unreachable', 'http://b/v1 cannot be reached: ECONNREFUSED');

function asks(backends: readonly Backend[], model: string, signal = NEVER): Promise<readonly ModelEvent[]> {
  const { stream } = createRouter(backends);
  return Array.fromAsync(stream({ model, messages: [] }, signal));
}

test('whoever reads an answer is told when another backend is asked, and for which model', async () => {
  const broken: StreamModel = async function* fail() {
    yield { type: 'error', code: 'backend_failed', message: 'it broke', retryable: true };
  };
  const backends = [
    stand('one', { declared: ['m'], stream: broken }),
    stand('two', { declared: ['m'], stream: broken }),
    stand('three', { declared: ['small'] }),
  ];
  const { stream } = createRouter(backends, { fallbackOf: () => 'small' });
  const events = await Array.fromAsync(stream({ model: 'm', messages: [] }, NEVER));
  const [first, ...rest] = events;
  assert.ok(first?.type === 'passed_on' && first.model === 'm' && ['one', 'two'].includes(first.backend));
  assert.deepEqual(rest, [
    { type: 'passed_on', backend: 'three', model: 'small' },
    { type: 'text', text: 'three' },
    { type: 'finish', reason: 'stop' },
  ]);
  const nobody = await Array.fromAsync(stream({ model: 'gone', messages: [] }, NEVER));
  assert.deepEqual(nobody.slice(0, 2), [
    { type: 'passed_on', backend: 'three', model: 'small' },
    { type: 'text', text: 'three' },
  ]);
});

test('what the answers of a backend used is known by backend; what is said twice counts once', async () => {
  const usage = { type: 'usage', promptTokens: 10, completionTokens: 2, cachedTokens: 8 } as const;
  const counted: StreamModel = async function* say() {
    yield { ...usage, completionTokens: 0 };
    yield { type: 'text', text: 'y' };
    yield { type: 'finish', reason: 'stop' };
    yield usage;
  };
  const router = createRouter([stand('one', { declared: ['m'], stream: counted }), stand('two')]);
  for (const _ of [1, 2]) await Array.fromAsync(router.stream({ model: 'm', messages: [] }, NEVER));
  assert.deepEqual(
    router.states().map(({ name, promptTokens, cachedTokens }) => [name, promptTokens, cachedTokens]),
    [
      ['one', 20, 16],
      ['two', undefined, undefined],
    ],
  );
});

async function whoAnswers(backends: readonly Backend[], model: string): Promise<string> {
  const [first] = await asks(backends, model);
  return first?.type === 'text' ? first.text : JSON.stringify(first);
}

describe('a model is answered for', () => {
  test('by a backend that serves it', async () => {
    const backends = [stand('a', { models: ['x', 'z'] }), stand('b', { models: ['y', 'z'] })];
    assert.deepEqual(await Promise.all(['x', 'y'].map((model) => whoAnswers(backends, model))), ['a', 'b']);
  });

  test('by the backend whose configuration names it, without asking anyone', async () => {
    const backends = [stand('a', { models: ['x'] }), stand('b', { declared: ['x', 'y'], models: DOWN })];
    assert.deepEqual([await whoAnswers(backends, 'y'), await whoAnswers(backends, 'x')], ['b', 'b']);
    assert.deepEqual(
      backends.map((backend) => backend.asked()),
      [0, 0],
    );
  });

  test('by a single backend whatever its name is, without asking it', async () => {
    const only = stand('a', { models: DOWN });
    assert.equal(await whoAnswers([only], 'anything'), 'a');
    assert.deepEqual({ asked: only.asked(), streamed: only.streamed }, { asked: 0, streamed: ['anything'] });
  });

  test('by backends that are asked once, and again for a name that came later', async () => {
    const names = ['x'];
    const backends = [stand('a', { models: names }), stand('b', { models: ['y'] })];
    const router = createRouter(backends);
    const found = async (model: string) => (await router.backendOf(model))?.name;
    assert.deepEqual([await found('x'), await found('x'), await found('y')], ['a', 'a', 'b']);
    assert.equal(backends[0]?.asked(), 1);
    assert.equal(await found('new'), undefined);
    names.push('new');
    assert.equal(await found('new'), 'a');
  });

  test('by one that works, though another is down', async () => {
    const backends = [stand('down', { models: DOWN }), stand('up', { models: ['x'] })];
    assert.equal(await whoAnswers(backends, 'x'), 'up');
    const router = createRouter(backends);
    assert.deepEqual(await router.models(NEVER), [{ id: 'x', backend: 'up' }]);
  });

  test('by nobody: the error names those that are served', async () => {
    const backends = [stand('a', { models: ['x'] }), stand('b', { models: ['y'] })];
    const { code, retryable, message } = errorOf(await asks(backends, 'z'));
    assert.deepEqual({ code, retryable }, { code: 'model_not_found', retryable: false });
    assert.match(message, /no backend serves the model "z"; served are: x, y/);
  });

  test('by nobody who can be asked: that may change, and the error says why', async () => {
    const backends = [stand('a', { models: ['x'] }), stand('b', { models: DOWN })];
    const { code, retryable, message } = errorOf(await asks(backends, 'z'));
    assert.deepEqual({ code, retryable }, { code: 'backend_unreachable', retryable: true });
    assert.match(message, /"z".*b .*ECONNREFUSED/);
  });
});

describe('a wish for a model', () => {
  test('that is empty means the first that is served, and says whether it is recorded', async () => {
    const router = createRouter([stand('a', { models: [] }), stand('b', { models: ['y', 'z'], recorded: true })]);
    assert.deepEqual(await router.findModel(''), { model: 'y', recorded: true });
  });

  test('by name means that one', async () => {
    const router = createRouter([stand('a', { models: ['x'], recorded: true }), stand('b', { models: ['y'] })]);
    assert.deepEqual(
      [await router.findModel('x'), await router.findModel('y')],
      [
        { model: 'x', recorded: true },
        { model: 'y', recorded: false },
      ],
    );
  });

  test('that nobody can fulfil is refused with a code', async () => {
    const two = [stand('a', { models: ['x'] }), stand('b')];
    const cases = [
      [[], '', 'model_not_found'],
      [[], 'x', 'model_not_found'],
      [two, 'z', 'model_not_found'],
      [[stand('a', { models: DOWN })], '', 'backend_unreachable'],
    ] as const;
    for (const [backends, wish, code] of cases)
      assert.deepEqual([wish, (await rejection(createRouter(backends).findModel(wish))).code], [wish, code]);
  });
});

describe('a backend that breaks the law of the port', () => {
  const text = { type: 'text', text: 'a' } as const;
  const finish = { type: 'finish', reason: 'stop' } as const;
  const usage = { type: 'usage', promptTokens: 1, completionTokens: 1 } as const;
  const error = { type: 'error', code: 'overloaded', message: 'm', retryable: true } as const;
  /** The kinds of events that come of these ones; errors by their code. */
  const comes = async (given: readonly ModelEvent[], thrown?: Error, signal = NEVER) => {
    const stream: StreamModel = async function* broken() {
      yield* given;
      if (thrown !== undefined) throw thrown;
    };
    const events = await asks([stand('a', { stream })], 'm', signal);
    return events.map((event) => (event.type === 'error' ? event.code : event.type));
  };

  test('by throwing, before or after its first event, ends with an error', async () => {
    assert.deepEqual(await comes([], new Error('x')), ['backend_failed']);
    assert.deepEqual(await comes([text], new Error('x')), ['text', 'backend_failed']);
  });

  test('by throwing when it was aborted was aborted', async () => {
    assert.deepEqual(await comes([text], new Error('x'), AbortSignal.abort()), ['text', 'aborted']);
  });

  test('by throwing behind its finish has finished', async () => {
    assert.deepEqual(await comes([text, finish], new Error('x')), ['text', 'finish']);
  });

  test('by ending without a finish was cut', async () => {
    assert.deepEqual(await comes([text]), ['text', 'backend_failed']);
    assert.deepEqual(await comes([]), ['backend_failed']);
  });

  test('by saying more behind an error or its finish is not heard, but for the usage', async () => {
    assert.deepEqual(await comes([text, error, text, finish]), ['text', 'overloaded']);
    assert.deepEqual(await comes([text, finish, text, usage, finish]), ['text', 'finish', 'usage']);
  });

  test('by calling an abort of its own a finish has failed', async () => {
    assert.deepEqual(await comes([text, { type: 'finish', reason: 'abort' }]), ['text', 'backend_failed']);
  });
});

test('a reader who goes away ends the stream of the backend', async () => {
  let ended = false;
  const stream: StreamModel = async function* endless() {
    try {
      for (;;) yield { type: 'text', text: 'a' };
    } finally {
      ended = true;
    }
  };
  const router = createRouter([stand('a', { stream })]);
  for await (const _ of router.stream({ model: 'm', messages: [] }, NEVER)) break;
  assert.equal(ended, true);
});

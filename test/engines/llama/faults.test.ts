// Shows on a real llama.cpp what is said of files it cannot load, what its death does, and what its process may do and not do.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { LlamaBackend } from '../../../src/backends/llama/backend.ts';
import { createRouter } from '../../../src/backends/router.ts';
import { CaissonError } from '../../../src/base/errors.ts';
import { finish, gather } from '../../unit/backends/events.ts';
import { answer, asked, backendOf, engineOrWhy, modelFolder, patience, settingsOf, writeModel } from './scenes.ts';

const found = await engineOrWhy();
const skip = typeof found === 'string' ? found : false;
const folder = await modelFolder();
const PLAYS = [{ text: 'Fine.\n</think>\n\nAll is well.' }, { text: 'On and on it goes. ', endless: true }];
const ENDLESS = 1;
const SECOND_MS = 1000;

const opened: LlamaBackend[] = [];
/** Written once: an engine that has it in its memory would die of another one in its place. */
const whole = await writeModel(folder, PLAYS);
const engine = typeof found === 'string' ? { folder: '' } : found;

async function refusalOf(settings: ReturnType<typeof settingsOf>): Promise<CaissonError> {
  const backend = await backendOf(settings);
  opened.push(backend);
  await backend.healthy?.(patience());
  return backend.models(patience()).then(
    () => assert.fail('it was loaded'),
    (error: unknown) => (error instanceof CaissonError ? error : assert.fail(String(error))),
  );
}

describe('a file that llama.cpp cannot load', { skip, concurrency: 4 }, () => {
  after(async () => {
    await Promise.all(opened.map((backend) => backend.close()));
  });

  const place = (name: string) => join(folder, name);
  const copy = async (name: string, bytes: Buffer) => {
    await writeFile(place(name), bytes);
    return place(name);
  };

  /** By name: how it is made, and what is said of it. */
  const CASES: Readonly<Record<string, { readonly make: () => Promise<string>; readonly says: RegExp }>> = {
    'one that is not there': {
      make: async () => place('none.gguf'),
      says: /^the model file .*none\.gguf does not exist$/,
    },
    'a folder': { make: async () => folder, says: /^the model file .* is no file$/ },
    'a text': {
      make: () => copy('text.gguf', Buffer.from('This is no model. '.repeat(100))),
      says: /^the model file .*text\.gguf is no GGUF file$/,
    },
    'one that is cut in its weights': {
      make: async () => copy('cut.gguf', (await readFile(whole)).subarray(0, 1_000_000)),
      says: /^llama\.cpp refuses .*cut\.gguf: tensor '.*' data is not within the file bounds, model is corrupted or incomplete$/,
    },
    'one that is cut in its head': {
      make: async () => copy('head.gguf', (await readFile(whole)).subarray(0, 700)),
      says: /^llama\.cpp refuses .*head\.gguf: failed to read key-value pairs/,
    },
    'one of an architecture that it does not know': {
      make: async () => {
        await mkdir(place('other'), { recursive: true });
        return writeModel(place('other'), PLAYS, { architecture: 'abacus' });
      },
      says: /^llama\.cpp refuses .*: unknown model architecture: 'abacus'$/,
    },
    'one that is larger than the memory': {
      make: async () => {
        const file = await copy('large.gguf', await readFile(whole));
        await truncate(file, 4 * 1024 ** 4);
        return file;
      },
      says: /^the model file .*large\.gguf with 4 slots needs 4398\.0 GB of memory and [\d.]+ GB are there: give less/,
    },
  };

  for (const [name, { make, says }] of Object.entries(CASES)) {
    test(`${name} is refused in words`, async () => {
      const error = await refusalOf(settingsOf(engine, await make()));
      assert.match(error.message, says);
      assert.deepEqual([error.code, error.hint.includes('model_file')], ['backend_unreachable', true]);
    });
  }

  test('more context than the memory holds is refused with what it would need', async () => {
    const error = await refusalOf(settingsOf(engine, whole, { slots: 200, context_tokens: 50_000_000 }));
    assert.match(error.message, /with 200 slots of 50000000 tokens needs \d{4,}\.\d GB of memory/);
  });

  test('an engine that is not installed is named with the command that installs it', async () => {
    const error = await refusalOf(settingsOf({ folder: '/nowhere/llama' }, whole));
    assert.deepEqual(
      [error.message, error.hint],
      ['the engine for GGUF files is not installed in /nowhere/llama', 'Install it: npm ci --prefix /nowhere/llama'],
    );
  });

  test('a client hears that the engine does not start, and no path of the machine', async () => {
    const backend = await backendOf(settingsOf(engine, '/secret/place.gguf'));
    const { rest } = await answer(backend, asked(0));
    const message = 'the engine of here does not start: caisson doctor says why';
    const event = { type: 'error', code: 'backend_unreachable', message, retryable: false, unsent: true };
    assert.deepEqual([rest, await backend.healthy?.(patience())], [[event], false]);
    assert.equal(await backend.countTokens?.(asked(0), patience()), undefined);
    await backend.close();
  });

  test('a file without a chat template goes on with a text, and says what it lacks for a conversation', async () => {
    await mkdir(place('bare'), { recursive: true });
    const file = await writeModel(place('bare'), PLAYS, { template: '' });
    const backend = await backendOf(settingsOf(engine, file, { context_tokens: 512, slots: 1 }));
    const { rest } = await answer(backend, asked(0));
    assert.match(JSON.stringify(rest), /not_supported.*holds no chat template/);
    await backend.close();
  });
});

describe('the process of llama.cpp', { skip }, () => {
  let backend: LlamaBackend;
  before(async () => {
    backend = await backendOf(settingsOf(engine, whole, { slots: 2, context_tokens: 32_768 }));
    await backend.healthy?.(patience());
  });
  after(() => backend.close());

  test('has nothing but its channel in its environment, yields to others, and is the first to go when memory ends', async () => {
    const pid = backend.pid() ?? assert.fail();
    const [environment, stat = '', score] = await Promise.all(
      ['environ', 'stat', 'oom_score_adj'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
    );
    const nice = Number(stat.slice(stat.lastIndexOf(')')).split(' ')[17]);
    const channel = 'NODE_CHANNEL_FD=3\0NODE_CHANNEL_SERIALIZATION_MODE=json\0';
    assert.deepEqual([environment, nice, score?.trim()], [channel, 5, '800']);
  });

  test('killed in the middle of two answers ends both in an error, and the next request is answered by a new one', async () => {
    const first = backend.pid() ?? assert.fail();
    const running = [answer(backend, asked(ENDLESS)), answer(backend, asked(ENDLESS))];
    await delay(300);
    process.kill(first, 'SIGKILL');
    const message = 'the engine of here ended in the middle of the work (SIGKILL)';
    for (const { reasoning, rest } of await Promise.all(running)) {
      assert.ok(reasoning.startsWith('On and on it goes. On and on'), reasoning.slice(0, 100));
      assert.deepEqual(rest, [{ type: 'error', code: 'backend_failed', message, retryable: true }]);
    }
    const { text, rest } = await answer(backend, asked(0));
    assert.deepEqual([text, rest], ['All is well.', [finish('stop')]]);
    assert.notEqual(backend.pid(), first);
  });

  test('that hangs in the middle is killed when it was silent for too long', async () => {
    const settings = { ...settingsOf(engine, whole, { slots: 1 }), limits: { model_silence_ms: 1500 } };
    const hanging = await backendOf(settings);
    await hanging.healthy?.(patience());
    const pid = hanging.pid() ?? assert.fail();
    const running = answer(hanging, asked(ENDLESS));
    await delay(200);
    process.kill(pid, 'SIGSTOP');
    const message = 'the engine of here ended in the middle of the work (SIGKILL)';
    assert.deepEqual((await running).rest, [{ type: 'error', code: 'backend_failed', message, retryable: true }]);
    assert.ok(!isAlive(pid));
    await hanging.close();
  });

  test('that another configuration takes the place of finishes what it says, and ends', async () => {
    const old = await backendOf(settingsOf(engine, whole, { slots: 1 }));
    await old.healthy?.(patience());
    const pid = old.pid() ?? assert.fail();
    const router = createRouter([old]);
    const running = gather(router.stream(asked(ENDLESS, { maxTokens: 1500 }), patience()));
    const waiting = gather(router.stream(asked(0), patience()));
    await delay(100);
    router.replace([]);
    const [long, short] = await Promise.all([running, waiting]);
    assert.deepEqual([long.at(-1), short.at(-1)], [finish('length'), finish('stop')]);
    for (let tries = 0; tries < 200 && isAlive(pid); tries += 1) await delay(20);
    assert.ok(!isAlive(pid));
    const event = { type: 'error', code: 'backend_unreachable', message: 'the engine is closed', retryable: false };
    assert.deepEqual((await answer(old, asked(0))).rest, [event]);
  });

  test('that dies again and again is started later and later; a request meanwhile may go to another engine', async () => {
    for (let deaths = 0; deaths < 2; deaths += 1) {
      const pid = backend.pid() ?? assert.fail();
      process.kill(pid, 'SIGKILL');
      while (backend.pid() === pid) await delay(10);
      if (deaths === 0) await backend.healthy?.(patience());
    }
    const { rest } = await answer(backend, asked(0));
    const [event] = rest;
    assert.ok(event?.type === 'error');
    const { message: _message, ...more } = event;
    assert.deepEqual(more, {
      type: 'error',
      code: 'backend_unreachable',
      retryable: true,
      unsent: true,
      retryAfter: 1,
    });
    await delay(SECOND_MS);
    assert.equal((await answer(backend, asked(0))).text, 'All is well.');
  });
});

describe('the parent of the process', { skip, concurrency: 2 }, () => {
  /** A program with a backend of its own; its lines are the process of the engine, then the words of an answer. */
  const start = (file: string, then: string) => {
    const scenes = JSON.stringify(join(import.meta.dirname, 'scenes.ts'));
    const settings = JSON.stringify(settingsOf(engine, file, { slots: 1, context_tokens: 1024 }));
    const program =
      `const { answer, asked, backendOf } = await import(${scenes});\nconst backend = await backendOf(${settings});\n` +
      `await backend.healthy(AbortSignal.timeout(20000));\nconsole.log(backend.pid());\n${then}\n`;
    const argv = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
    return spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  };
  const gone = async (pid: number) => {
    for (let tries = 0; tries < 100 && isAlive(pid); tries += 1) await delay(20);
    return !isAlive(pid);
  };

  test('killed while the engine works takes the engine with it', async () => {
    const child = start(whole, 'await answer(backend, asked(1), AbortSignal.timeout(60000));');
    const [line] = await Array.fromAsync(firstOf(createInterface({ input: child.stdout })));
    const pid = Number(line);
    await delay(200);
    assert.ok(isAlive(pid));
    child.kill('SIGKILL');
    assert.ok(await gone(pid));
  });

  test('that has nothing more to do ends by itself, with the engine', async () => {
    const child = start(whole, 'console.log((await answer(backend, asked(0))).text);');
    const ended = new Promise((resolve) => child.on('exit', resolve));
    const [pid, text] = await Array.fromAsync(createInterface({ input: child.stdout }));
    assert.deepEqual([text, await ended, await gone(Number(pid))], ['All is well.', 0, true]);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function* firstOf(lines: AsyncIterable<string>): AsyncGenerator<string> {
  for await (const line of lines) {
    yield line;
    return;
  }
}

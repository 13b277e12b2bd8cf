// Owns the proof of the executor behind a socket: the same answers, who may reach it, and what the loss of either side does.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { EgressProfile } from '../../src/contracts/egress.ts';
import type { Executor, OpenSandbox } from '../../src/contracts/executor.ts';
import { connectExecutor } from '../../src/sandbox/wire-client.ts';
import { serveExecutor } from '../../src/sandbox/wire-server.ts';
import { LIMITS, testSandbox, type TestSandbox } from './setup.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-wire-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

interface Wired {
  readonly world: TestSandbox;
  readonly client: Executor;
  readonly socket: string;
  readonly server: { close(): Promise<void> };
}

async function wired(t: TestContext): Promise<Wired> {
  const world = await testSandbox(t);
  const socket = join(folderOf(t), 'sock', 'runner.sock');
  const server = await serveExecutor(world.executor, socket);
  t.after(() => server.close());
  const client = await connectExecutor(socket);
  t.after(() => client.dispose());
  return { world, client, socket, server };
}

const OPEN = { run: 'run', purpose: 'agent', limits: LIMITS } as const;
const EXEC = { exec: 'exe_1', timeoutMs: 20_000, outputBytes: 8192, keep: false } as const;

/** Every field of the network of a sandbox. */
const WHOLE: EgressProfile = {
  rules: [
    {
      id: 'r',
      verdict: 'ask',
      reason: 'reason',
      advice: 'advice',
      hosts: ['*.example.com'],
      ports: [443],
      schemes: ['https'],
      methods: ['GET'],
      paths: ['/a/*'],
      pathPrefixes: ['/b'],
      addresses: ['10.2.0.0/16'],
      tls: 'end',
      websocket: true,
      caps: { requestBytes: 1, responseBytes: 2, requestsPerMinute: 3 },
    },
    { id: 'least', verdict: 'deny', reason: '', advice: '' },
  ],
  grants: [{ id: 'g', match: { hosts: ['a.example'] }, uses: 3, expiresAt: 4 }],
  airGapped: true,
  siteRanges: ['10.0.0.0/8'],
  floor: [{ host: '127.0.0.1', port: 1 }, { host: 'engine' }],
  names: { 'a.example': ['10.2.0.1'] },
  upstream: { url: 'http://proxy:3128', direct: ['b.example'] },
  authorities: 'PEM',
  secrets: [{ name: 'KEY', placeholder: 'p', value: 'v', header: 'authorization', match: { hosts: ['a.example'] } }],
};

/** An executor that notes what it is asked and answers nothing of its own. */
function noting(calls: string[], answer: () => Promise<never> = () => new Promise(() => {})): Executor {
  const note = (name: string) => {
    calls.push(name);
    return answer();
  };
  return {
    probe: () => note('probe'),
    open: ({ sandbox }) => note(`open ${sandbox}`),
    exec: ({ command }) => note(`exec ${command}`),
    cancel: (sandbox) => note(`cancel ${sandbox}`),
    permit: (sandbox, grant) => note(`permit ${sandbox} ${JSON.stringify(grant)}`),
    close: async (sandbox) => {
      calls.push(`close ${sandbox}`);
      return { sandbox, ms: 0, survivors: [] };
    },
    sweep: () => note('sweep'),
    dispose: () => note('dispose'),
  };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('the executor behind a socket', () => {
  it('gives the same answers as the one in this process, and kills when asked', async (t) => {
    const { world, client } = await wired(t);
    const sandbox = 'wired';
    const opened = await client.open({ ...OPEN, sandbox, box: world.newBox('wired') });
    assert.ok(opened.ok);
    assert.deepEqual(
      [opened.value.workPath, opened.value.outPath, opened.value.probe.ok],
      [world.inside.work, world.inside.out, true],
    );
    const done = await client.exec({ ...EXEC, sandbox, command: 'cat; echo ä; exit 3', stdin: 'in\n' });
    assert.ok(done.ok);
    const { ms: _, ...outcome } = done.value;
    assert.deepEqual(outcome, {
      end: 'exited',
      exitCode: 3,
      restarted: true,
      output: { head: 'in\nä\n', tail: '', bytes: 6, lines: 2, cutBytes: 0, cutLines: 0 },
    });
    const running = client.exec({ ...EXEC, sandbox, exec: 'exe_2', command: 'echo here; sleep 1000' });
    const again = setInterval(() => void client.cancel(sandbox), 20);
    const stopped = await running;
    clearInterval(again);
    assert.ok(stopped.ok);
    assert.deepEqual([stopped.value.end, 'by' in stopped.value && stopped.value.by], ['killed', 'cancelled']);
    const { ms: __, ...death } = await client.close(sandbox);
    assert.deepEqual(death, { sandbox, survivors: [] });
    const late = await client.exec({ ...EXEC, sandbox, command: 'true' });
    assert.equal(late.ok ? '' : late.error.code, 'sandbox_gone');
    assert.deepEqual(await client.sweep(), { killed: [], survivors: [] });
  });

  it('carries the network of a sandbox whole, and each grant for it', async (t) => {
    const opened: OpenSandbox[] = [];
    const calls: string[] = [];
    const noted = noting(calls, async () => assert.fail('no answer'));
    const socket = join(folderOf(t), 'runner.sock');
    const executor: Executor = {
      ...noted,
      open: async (request) => {
        opened.push(request);
        return { ok: false, error: { code: 'sandbox_gone', message: 'noted', hint: '' } };
      },
      permit: async (sandbox, grant) => {
        calls.push(`permit ${sandbox} ${JSON.stringify(grant)}`);
      },
    };
    const server = await serveExecutor(executor, socket);
    t.after(() => server.close());
    const client = await connectExecutor(socket);
    t.after(() => client.dispose());
    const request: OpenSandbox = { ...OPEN, sandbox: 'networked', box: '/b', egress: WHOLE };
    await client.open(request);
    assert.deepEqual(opened, [request]);
    const [grant] = WHOLE.grants;
    assert.ok(grant);
    await client.permit('networked', grant);
    assert.deepEqual(calls.slice(0, 1), [`permit networked ${JSON.stringify(grant)}`]);
  });

  it('lies in a directory of its own that nobody else can enter', async (t) => {
    const { socket } = await wired(t);
    const modes = [join(socket, '..'), socket].map((path) => statSync(path).mode & 0o777);
    assert.deepEqual(modes, [0o700, 0o600]);
  });

  it('is not put where others could reach it', async (t) => {
    const open = join(folderOf(t), 'open');
    mkdirSync(open);
    chmodSync(open, 0o755);
    await assert.rejects(serveExecutor(noting([]), join(open, 'runner.sock')), {
      code: 'config_invalid',
      message: `the directory of the socket, ${open}, has mode 755: others could reach the runner`,
    });
  });

  it('takes the place of a dead runner, not of a living one', async (t) => {
    const folder = folderOf(t);
    const socket = join(folder, 'runner.sock');
    writeFileSync(socket, 'left by a crash');
    const server = await serveExecutor(noting([]), socket);
    t.after(() => server.close());
    await assert.rejects(serveExecutor(noting([]), socket), { code: 'conflict' });
  });

  it('closes what a client opened, also what it was still opening, when the client is lost', async (t) => {
    const calls: string[] = [];
    const socket = join(folderOf(t), 'runner.sock');
    const server = await serveExecutor(noting(calls), socket);
    t.after(() => server.close());
    const raw = connect(socket);
    raw.write(`${JSON.stringify({ id: 1, method: 'open', argument: { ...OPEN, sandbox: 'mine', box: '/b' } })}\n`);
    await until(() => calls.includes('open mine'));
    raw.destroy();
    await until(() => calls.length === 2);
    assert.deepEqual(calls, ['open mine', 'close mine']);
  });

  it('closes a client’s sandboxes before the client’s dispose resolves', async (t) => {
    const { world, client } = await wired(t);
    const opened = await client.open({ ...OPEN, sandbox: 'left', box: world.newBox('left') });
    assert.ok(opened.ok);
    await client.dispose();
    const after = await world.executor.exec({ ...EXEC, sandbox: 'left', command: 'true' });
    assert.equal(after.ok ? '' : after.error.code, 'sandbox_gone');
    await assert.rejects(client.probe('start'), { code: 'runner_unreachable' });
  });

  it('finds the runner again once it is back: what was open is gone, and a sandbox opens by the same name', async (t) => {
    const { world, client, socket, server } = await wired(t);
    const request = { ...OPEN, sandbox: 'again', box: world.newBox('again') };
    assert.equal((await client.open(request)).ok, true);
    await server.close();
    const [one, other] = await Promise.allSettled([client.probe('start'), client.sweep()]);
    assert.deepEqual([one.status, other.status], ['rejected', 'rejected'], 'positive control: it is away');
    const back = await serveExecutor(world.executor, socket);
    t.after(() => back.close());
    const gone = await client.exec({ ...EXEC, sandbox: 'again', command: 'true' });
    assert.equal(gone.ok ? '' : gone.error.code, 'sandbox_gone');
    const [opened, report] = await Promise.all([client.open(request), client.sweep()]);
    assert.deepEqual([opened.ok, report.survivors], [true, []]);
    const done = await client.exec({ ...EXEC, sandbox: 'again', command: 'echo alive' });
    assert.equal(done.ok && done.value.output.head, 'alive\n');
    await client.dispose();
    await assert.rejects(client.sweep(), { code: 'runner_unreachable' });
  });

  it('rejects what is pending, and all that comes after, when the runner is lost', async (t) => {
    const { world, client, server } = await wired(t);
    await client.open({ ...OPEN, sandbox: 'lost', box: world.newBox('lost') });
    const pending = assert.rejects(client.exec({ ...EXEC, sandbox: 'lost', command: 'sleep 1000' }), {
      code: 'runner_unreachable',
    });
    await server.close();
    await pending;
    await assert.rejects(client.exec({ ...EXEC, sandbox: 'lost', command: 'true' }), { code: 'runner_unreachable' });
    const after = await world.executor.exec({ ...EXEC, sandbox: 'lost', command: 'true' });
    assert.equal(after.ok ? '' : after.error.code, 'sandbox_gone');
  });

  it('says that nobody answers', async (t) => {
    await assert.rejects(connectExecutor(join(folderOf(t), 'nobody')), { code: 'runner_unreachable' });
  });
});

describe('a client that sends nonsense', () => {
  const refused: readonly (readonly [string, string, number])[] = [
    ['no JSON', 'nonsense', 0],
    ['an unknown method', '{"id":7,"method":"__proto__"}', 7],
    ['a missing argument', '{"id":8,"method":"exec"}', 8],
    ['a field that is not known', '{"id":9,"method":"close","argument":"x","more":1}', 9],
    ['a wrong type', '{"id":10,"method":"cancel","argument":{"sandbox":"x"}}', 10],
  ];
  for (const [what, line, id] of refused) {
    it(`is told so, for ${what}, and nothing is done`, async (t) => {
      const calls: string[] = [];
      const socket = join(folderOf(t), 'runner.sock');
      const server = await serveExecutor(noting(calls), socket);
      t.after(() => server.close());
      const raw = connect(socket);
      t.after(() => raw.destroy());
      raw.write(`${line}\n`);
      const answer = await new Promise<string>((resolve) => raw.once('data', (chunk) => resolve(chunk.toString())));
      const reply = JSON.parse(answer) as { id: number; error: { code: string } };
      assert.deepEqual([reply.id, reply.error.code, calls], [id, 'invalid_input', []]);
    });
  }

  it('is cut off when its line never ends', async (t) => {
    const socket = join(folderOf(t), 'runner.sock');
    const server = await serveExecutor(noting([]), socket);
    t.after(() => server.close());
    const raw = connect(socket);
    raw.on('error', () => {});
    const closed = new Promise((resolve) => raw.once('close', resolve));
    const chunk = 'x'.repeat(1024 * 1024);
    const push = () => {
      while (!raw.destroyed && raw.write(chunk));
    };
    raw.on('drain', push);
    push();
    await closed;
    assert.ok(raw.bytesWritten < 64 * 1024 * 1024, `${raw.bytesWritten} bytes were taken`);
  });
});

describe('a runner that sends nonsense', () => {
  it('is left, and what is pending is rejected', async (t) => {
    const socket = join(folderOf(t), 'runner.sock');
    const server: Server = createServer((raw) => raw.on('data', () => raw.write('null\n')));
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    t.after(() => server.close());
    const client = await connectExecutor(socket);
    await assert.rejects(client.probe('start'), { code: 'runner_unreachable' });
  });
});

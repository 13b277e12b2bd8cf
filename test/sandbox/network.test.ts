// Owns the proof of the one way out of a sandbox: its listening socket reaches the host, and nothing of the way stays inside.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { describe, it, type TestContext } from 'node:test';
import type { EgressGrant, EgressProfile, EgressRecord, OpenProxy } from '../../src/contracts/egress.ts';
import { openNetwork } from '../../src/sandbox/network/network.ts';
import { bare } from './bare.ts';
import { LIMITS, testSandbox, type TestSandbox } from './setup.ts';

const PROFILE: EgressProfile = {
  rules: [],
  grants: [],
  airGapped: false,
  siteRanges: [],
  floor: [],
  names: {},
  secrets: [{ name: 'API_KEY', placeholder: 'sk-placeholder', value: 'sk-real', header: 'x', match: { hosts: ['a'] } }],
};

const AUTHORITY = rootCertificates[0] ?? '';

/** A proxy that answers every request with its name, and lets all pass once it was permitted. */
interface StandIn {
  readonly open: OpenProxy;
  readonly opened: string[];
  readonly grants: EgressGrant[];
  served(): number;
  closed(): number;
}

function standIn(): StandIn {
  const opened: string[] = [];
  const grants: EgressGrant[] = [];
  const served: Server[] = [];
  let records: EgressRecord[] = [];
  let closed = 0;
  const open: OpenProxy = async (_, { run, sandbox }) => {
    opened.push(`${run} ${sandbox}`);
    const http = createHttpServer((request, response) => {
      const host = new URL(request.url ?? '', 'http://none').hostname;
      const outcome = grants.length > 0 ? 'allowed' : 'denied';
      records.push(recordOf(host, outcome));
      response.writeHead(outcome === 'allowed' ? 200 : 403).end(`${outcome} for ${sandbox}\n`);
    });
    return {
      authority: AUTHORITY,
      serve: (listener) => {
        served.push(listener);
        listener.on('connection', (socket) => http.emit('connection', socket));
      },
      permit: (grant) => void grants.push(grant),
      take: () => {
        const taken = records;
        records = [];
        return taken;
      },
      close: async () => {
        closed += 1;
        http.closeAllConnections();
      },
    };
  };
  return { open, opened, grants, served: () => served.length, closed: () => closed };
}

function recordOf(host: string, outcome: EgressRecord['outcome']): EgressRecord {
  const said = `${outcome}: ${host}`;
  const place = { host, port: 80, scheme: 'http', method: 'GET', path: '/' } as const;
  return { at: 1, outcome, rule: 'stand-in', ...place, said, sentBytes: 0, receivedBytes: 0 };
}

async function networked(t: TestContext): Promise<{ world: TestSandbox; proxy: StandIn }> {
  const proxy = standIn();
  const world = await testSandbox(t, { networking: async () => ({ openNetwork }), proxy: proxy.open });
  return { world, proxy };
}

const ASK = `node -e "
  require('node:http').get('http://127.0.0.1:3128', { path: 'http://registry.test/' }, (answer) => answer.pipe(process.stdout))
    .on('error', (error) => console.log(error.code))"`;
const OPEN_FDS = 'for fd in /proc/self/fd/*; do readlink $fd; done | sort';

describe('the network of a sandbox', () => {
  it('leads to the proxy of this sandbox alone, and each command tells what it asked for', async (t) => {
    const { world, proxy } = await networked(t);
    const one = await world.open('one', undefined, {}, PROFILE);
    const two = await world.open('two', undefined, {}, PROFILE);
    const done = await one.run(ASK);
    assert.deepEqual([done.output.head, done.egress], ['denied for one\n', [recordOf('registry.test', 'denied')]]);
    assert.equal(await two.text(ASK), 'denied for two\n');
    const quiet = await one.run('true');
    assert.equal('egress' in quiet, false, 'what asked for nothing has no records');
    assert.deepEqual(proxy.opened, ['one one', 'two two']);
  });

  it('lets through what is permitted meanwhile, without a new shell', async (t) => {
    const { world, proxy } = await networked(t);
    const box = await world.open('granted', undefined, {}, PROFILE);
    await box.run('kept=yes');
    assert.equal(await box.text(ASK), 'denied for granted\n');
    const grant: EgressGrant = { id: 'g', match: { hosts: ['registry.test'] }, uses: 1 };
    await world.executor.permit('granted', grant);
    await world.executor.permit('unknown', grant);
    assert.equal(await box.text(`${ASK}; echo $kept`), 'allowed for granted\nyes\n');
    assert.deepEqual(proxy.grants, [grant]);
  });

  it('is there again in a new shell, with the same proxy and its grants', async (t) => {
    const { world, proxy } = await networked(t);
    const box = await world.open('again', undefined, {}, PROFILE);
    await world.executor.permit('again', { id: 'g', match: {} });
    const killed = await box.run(`${ASK}; exit 3`);
    assert.deepEqual([killed.restarted, killed.output.head], [true, 'allowed for again\n']);
    assert.equal(await box.text(ASK), 'allowed for again\n');
    assert.deepEqual([proxy.opened.length, proxy.served(), proxy.closed()], [1, 2, 0]);
    await world.executor.close('again');
    assert.equal(proxy.closed(), 1);
  });

  it('is named by the variables that programs read, and the file of authorities cannot be changed', async (t) => {
    const { world } = await networked(t);
    const box = await world.open('variables', undefined, {}, PROFILE);
    const file = join(world.inside.root, '.caisson', 'authorities.pem');
    const seen = await box.text(
      'echo $HTTP_PROXY $https_proxy $ALL_PROXY $no_proxy $NODE_USE_ENV_PROXY $API_KEY $SSL_CERT_FILE $HOME [$NODE_CHANNEL_FD]',
    );
    const url = 'http://127.0.0.1:3128';
    assert.equal(
      seen,
      `${url} ${url} ${url} localhost,127.0.0.1,::1 1 sk-placeholder ${file} ${world.inside.home} []\n`,
    );
    const text = readFileSync(join(box.box, '.caisson', 'authorities.pem'), 'utf8');
    assert.ok(text.length > 10_000 && text.trim().endsWith(AUTHORITY), 'the public ones, and that of the sandbox');
    assert.match(await box.text(`echo x >>${file}`), /Read-only file system|Permission denied/);
    assert.match(await box.text(`rm -f ${file}; mv ${file} gone`), /Read-only file system|Permission denied/);
    assert.doesNotMatch(await box.text('env; cat /proc/*/environ | tr "\\0" "\\n"'), /sk-real/);
  });

  it('leaves no other way: no interface, no address of the host, no name', async (t) => {
    const { world } = await networked(t);
    const box = await world.open('only', undefined, {}, PROFILE);
    assert.match(await box.text('exec 9<>/dev/tcp/192.0.2.1/80'), /Network is unreachable/);
    assert.equal(await box.text("sed -n 's/^ *\\([a-z0-9]*\\):.*/\\1/p' /proc/net/dev"), 'lo\n');
    const listening = await box.text("awk 'NR > 1 { print $2, $4 }' /proc/net/tcp");
    assert.equal(listening, '0100007F:0C38 0A\n', 'only the proxy listens: 127.0.0.1:3128');
  });

  it('leaves no descriptor of its way inside: commands have those of a sandbox without a network', async (t) => {
    const { world } = await networked(t);
    const open = await world.open('descriptors', undefined, {}, PROFILE);
    const closed = await world.open('no-network');
    const kinds = (text: string) => text.replaceAll(/\d+|output-[\w-]+/g, 'N');
    const wanted = kinds(await closed.text(OPEN_FDS));
    assert.ok(wanted.split('\n').length >= 3, wanted);
    assert.equal(kinds(await open.text(OPEN_FDS)), wanted);
    const holders = await open.text(
      `for p in /proc/[0-9]*; do
        [[ $(readlink $p/fd/4) == socket:* ]] && tr "\\0" " " <$p/cmdline | head -c 11 && echo && : >$p/fd/4
      done`,
    );
    assert.match(
      holders,
      /^\/bin\/sh -c \n.*\/fd\/4: No such device or address\n$/,
      'the shell that firejail starts ours by holds the end of a channel that the host has closed, and nobody gets it',
    );
    const control = await bare(
      `node -e "require('child_process').spawn('bash', ['-c', 'readlink /proc/self/fd/4'],
        { stdio: ['ignore', 'inherit', 'inherit', 'ignore', 'ipc'] }).on('exit', (code) => process.exit(code))"`,
      world,
    );
    assert.match(control, /^socket:/, 'positive control: a child that nobody closes it for has it');
  });

  it('does not come to who listens in its place: what begins first is ours', async (t) => {
    const { world } = await networked(t);
    const box = await world.open('taken', undefined, {}, PROFILE);
    const script = `require('net').createServer().on('error', (e) => console.log(e.code)).listen(3128, '127.0.0.1')`;
    assert.equal(await box.text(`node -e "${script}"`), 'EADDRINUSE\n');
    assert.equal(await (await world.open('free')).text(`timeout 1 node -e "${script}"; echo $?`), '124\n', 'control');
  });

  it('is refused where this executor gives none, where there is no proxy, and where no socket comes', async (t) => {
    const refused = async (changes: Parameters<typeof testSandbox>[1], script?: string) => {
      const world = await testSandbox(t, changes);
      const box = world.newBox('refused');
      const request = { sandbox: 's', run: 'r', purpose: 'agent', box, limits: LIMITS, egress: PROFILE } as const;
      const opened = await world.executor.open(request);
      return opened.ok ? 'opened' : `${opened.error.code}: ${opened.error.message}${script ?? ''}`;
    };
    assert.equal(
      await refused({}),
      'sandbox_unavailable: the sandbox was to have a network, and this executor gives none',
    );
    assert.equal(
      await refused({ networking: async () => ({ openNetwork }) }),
      'sandbox_unavailable: the sandbox was to have a network, and there is no proxy for it',
    );
    for (const script of [
      'process.exit(3)',
      'process.send("no socket")',
      'process.send("x", new (require("net").Socket)())',
    ])
      assert.equal(
        await refused({
          proxy: standIn().open,
          networking: async () => ({ openNetwork: async (...of) => ({ ...(await openNetwork(...of)), script }) }),
        }),
        'sandbox_unavailable: the sandbox handed out no socket for its network',
      );
  });
});

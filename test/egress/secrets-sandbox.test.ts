// A program in a real sandbox that uses a secret, and then prints everything it can reach: the value is nowhere (Done when 6).
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { BoundSecret, EgressProfile } from '../../src/contracts/egress.ts';
import { openNetwork } from '../../src/sandbox/network/network.ts';
import { type OpenBox, testSandbox } from '../sandbox/setup.ts';
import { HOST, LOOPBACK, profileOf } from './scene.ts';
import { openTlsOrigin, openWholeProxy, OTHER } from './tls-scene.ts';

const SECRET: BoundSecret = {
  name: 'SITE_TOKEN',
  value: 'ghp_a1B2c3D4e5F6g7H8i9J0kLmNoPqRsTuVwXyZ',
  placeholder: 'ghp_ZyXwVuTsRqPoNmLk0J9i8H7g6F5e4D3c2B1a',
  header: 'authorization',
  match: { hosts: [HOST], schemes: ['https'] },
};
const PLACES = '"$HOME/.." /tmp /dev/shm /run /etc /var';
const BYTES = Buffer.from(SECRET.value.slice(4));
/** Pieces of the value, plain, in hex, and in base64 at each alignment: no command of these tests holds one. */
const FORMS: readonly string[] = [
  SECRET.value.slice(6, 22),
  BYTES.subarray(2, 18).toString('hex'),
  ...[0, 1, 2].map((skip) =>
    BYTES.subarray(skip, skip + 24)
      .toString('base64')
      .slice(2, 26),
  ),
];

const SIGN_IN = 'HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm="test"\r\ncontent-length: 0\r\n\r\n';

interface World {
  readonly box: OpenBox;
  readonly port: number;
  readonly otherPort: number;
  readonly seen: () => string;
  readonly otherSeen: () => string;
}

describe('A program in a sandbox with a secret', () => {
  it('uses it, prints all that it can reach, and never prints it', async (context) => {
    const { box, port, seen } = await openWorld(context);
    const echoed = await box.text(curl(`https://${HOST}:${port}/echo`));
    assert.match(seen(), new RegExp(`authorization: Bearer ${SECRET.value}\\r\\n`), 'the origin got the value');
    assert.match(echoed, new RegExp(`authorization: Bearer ${SECRET.placeholder}`), 'the program got the placeholder');
    const looks = [
      'env; export -p; set',
      'cat /proc/self/environ /proc/*/environ /proc/*/cmdline 2>/dev/null | tr "\\0" "\\n"',
      'cat /proc/*/maps /proc/*/status /proc/net/* 2>/dev/null | head -c 2000000',
      `find ${PLACES} -xdev -type f ! -name loot -size -200k -readable -exec cat {} + 2>/dev/null | head -c 20000000`,
      curl(`https://${HOST}:${port}/base64`),
      curl(`https://${HOST}:${port}/hex`),
      curl(`https://${HOST}:${port}/redirect`),
    ];
    for (const look of looks) {
      await box.run(`{ ${look}; } > loot 2>&1`);
      const loot = await readFile(join(box.box, 'work', 'loot'), 'latin1');
      assert.ok(loot.length > 100, `nothing was printed: ${look}`);
      assert.deepEqual([look, FORMS.filter((form) => loot.includes(form))], [look, []]);
    }
    await box.run('{ env; } > loot');
    const loot = await readFile(join(box.box, 'work', 'loot'), 'latin1');
    assert.ok(loot.includes(SECRET.placeholder), 'the way of looking finds what is there');
  });

  it('sends only the placeholder to another host', async (context) => {
    const { box, otherPort, otherSeen } = await openWorld(context);
    await box.text(curl(`https://${OTHER}:${otherPort}/echo`));
    assert.match(otherSeen(), new RegExp(`authorization: Bearer ${SECRET.placeholder}\\r\\n`));
    assert.equal(otherSeen().includes(SECRET.value), false);
  });

  it('signs in with curl and git, by user and password, and the origin gets the value', async (context) => {
    const { box, port, seen } = await openWorld(context);
    const basic = `authorization: Basic ${Buffer.from(`me:${SECRET.value}`).toString('base64')}\r\n`;
    const url = `${HOST}:${port}/basic`;
    const ways = [
      `curl -sS -i -u "me:$SITE_TOKEN" https://${url}`,
      `git ls-remote "https://me:$SITE_TOKEN@${url}" || true`,
    ];
    for (const way of ways) {
      const before = seen().length;
      const shown = await box.text(`${way} 2>&1`);
      assert.ok(seen().slice(before).includes(basic), `${way}: ${seen().slice(before)}`);
      assert.deepEqual([way, FORMS.filter((form) => shown.includes(form))], [way, []]);
    }
  });

  it('finds the authority of its sandbox with the tools that are there', async (context) => {
    const { box, port } = await openWorld(context);
    const url = `https://${HOST}:${port}/echo`;
    const tools: Readonly<Record<string, string>> = {
      curl: `curl -sS -o /dev/null -w '%{http_code}' ${url}`,
      node: `"$HOME/../.caisson/bin/node" -e "fetch('${url}').then((answer) => console.log(answer.status))"`,
      python3: `python3 -c "import urllib.request; print(urllib.request.urlopen('${url}').status)"`,
      git: `git ls-remote ${url}/a.git 2>&1 | grep -c 'not valid: is this a git repository' | sed 's/1/200/'`,
    };
    const present = (await box.text(`for tool in ${Object.keys(tools).join(' ')}; do command -v $tool; done`)).trim();
    const names = Object.keys(tools).filter((tool) => new RegExp(`/${tool}$`, 'm').test(present));
    assert.ok(names.includes('node'), present);
    for (const name of names) {
      const output = await box.text(tools[name] ?? '');
      assert.match(output, /^200$/m, `${name}: ${output}`);
    }
  });
});

async function openWorld(context: TestContext): Promise<World> {
  const echo = (socket: Socket, text: string) => {
    const path = /^\w+ (\S+)/.exec(text)?.[1] ?? '';
    const ways: Readonly<Record<string, string>> = {
      '/base64': Buffer.from(text).toString('base64'),
      '/hex': Buffer.from(text).toString('hex'),
    };
    const body = ways[path] ?? text;
    if (path.startsWith('/basic') && !/authorization:/.test(text)) {
      socket.write(SIGN_IN);
      return;
    }
    const location = path === '/redirect' ? `location: /?t=${SECRET.value}\r\n` : '';
    const status = location === '' ? '200 OK' : '302 Found';
    socket.write(`HTTP/1.1 ${status}\r\n${location}content-length: ${body.length}\r\n\r\n${body}`);
  };
  const origin = await openTlsOrigin(context, echo);
  const other = await openTlsOrigin(context, echo, { certified: OTHER });
  const world = await testSandbox(context, { networking: async () => ({ openNetwork }), proxy: openWholeProxy });
  const profile: Partial<EgressProfile> = {
    names: { [HOST]: ['127.0.0.1'], [OTHER]: ['127.0.0.1'] },
    authorities: `${origin.authority}\n${other.authority}\n`,
    secrets: [SECRET],
  };
  const rules = [LOOPBACK, { ...LOOPBACK, hosts: [OTHER] }];
  const box = await world.open('secrets', undefined, undefined, profileOf({ rules, profile }));
  return { box, port: origin.port, otherPort: other.port, seen: origin.seen, otherSeen: other.seen };
}

function curl(url: string): string {
  return `curl -sS -i -H "Authorization: Bearer $SITE_TOKEN" ${url}`;
}

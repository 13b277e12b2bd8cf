// Owns a mirror of the tests: an index each for npm, pip and cargo, git, and files, each with one small package. Knows no proxy, no policy.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { crc32, gzipSync } from 'node:zlib';
import { makeAuthority, makeLeaf, makeLeafKey } from '../../src/egress/tls/certificates.ts';
import { runBackend } from './git-backend.ts';
import { listen } from './scene.ts';
import { IN_DATE } from './tls-scene.ts';

export const MIRROR = 'mirror.test';

export interface Mirror {
  /** `https://mirror.test:PORT`, and the same for plain HTTP. */
  readonly secure: string;
  readonly plain: string;
  /** PEM: who signed for it. */
  readonly authority: string;
  /** `GET /npm/greeting`, and the other requests that reached it, in their order. */
  readonly asked: () => readonly string[];
}

type Files = Readonly<Record<string, string>>;

/** Both listen on this machine until the test is over. */
export async function openMirror(context: TestContext): Promise<Mirror> {
  const folder = makeRepository();
  const [authority, key] = await Promise.all([makeAuthority('site', IN_DATE), makeLeafKey()]);
  const cert = await makeLeaf(MIRROR, key, authority, IN_DATE);
  const asked: string[] = [];
  const files = new Map<string, string | Buffer>();
  const onRequest: RequestListener = (request, response) => {
    const { method = '', url = '' } = request;
    const { pathname } = new URL(url, 'http://a');
    asked.push(`${method} ${pathname}`);
    if (pathname.startsWith('/git/')) return runBackend(folder, request, response, '/git');
    const file = files.get(pathname);
    const type = pathname.startsWith('/pip/simple') ? 'text/html' : 'application/octet-stream';
    response.writeHead(file === undefined ? 404 : 200, { 'content-type': type });
    return response.end(file ?? 'there is no such file\n');
  };
  const servers = [createTlsServer({ cert, key: key.key }, onRequest), createServer(onRequest)];
  const [tls = 0, port = 0] = await Promise.all(servers.map((server) => listen(server)));
  const secure = `https://${MIRROR}:${tls}`;
  for (const [path, file] of filesOf(secure)) files.set(path, file);
  context.after(() => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    secure,
    plain: `http://${MIRROR}:${port}`,
    authority: authority.certificate.toString('pem'),
    asked: () => asked,
  };
}

function filesOf(origin: string): readonly (readonly [path: string, file: string | Buffer])[] {
  return [
    ...npmFiles(origin),
    ...pipFiles(),
    ...cargoFiles(origin),
    ['/debian/dists/stable/InRelease', 'Suite: stable\n'],
  ];
}

function npmFiles(origin: string): readonly (readonly [string, string | Buffer])[] {
  const manifest = { name: 'greeting', version: '1.0.0', main: 'index.js' };
  const tarball = tar({
    'package/package.json': JSON.stringify(manifest),
    'package/index.js': "module.exports = 'hello from npm';\n",
  });
  const path = '/npm/greeting/-/greeting-1.0.0.tgz';
  const dist = { tarball: `${origin}${path}`, integrity: `sha512-${hash('sha512', tarball, 'base64')}` };
  const versions = { '1.0.0': { ...manifest, dist } };
  const description = { name: 'greeting', 'dist-tags': { latest: '1.0.0' }, versions };
  return [
    ['/npm/greeting', JSON.stringify(description)],
    [path, tarball],
  ];
}

function pipFiles(): readonly (readonly [string, string | Buffer])[] {
  const name = 'greeting-1.0.0-py3-none-any.whl';
  const info = 'greeting-1.0.0.dist-info';
  const wheel = zip({
    'greeting.py': "TEXT = 'hello from pip'\n",
    [`${info}/METADATA`]: 'Metadata-Version: 2.1\nName: greeting\nVersion: 1.0.0\n',
    [`${info}/WHEEL`]: 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
    [`${info}/RECORD`]: ['greeting.py', 'METADATA', 'WHEEL', 'RECORD']
      .map((file) => `${file.endsWith('.py') ? file : `${info}/${file}`},,\n`)
      .join(''),
  });
  const link = `../../packages/${name}#sha256=${hash('sha256', wheel, 'hex')}`;
  return [
    ['/pip/simple/greeting/', `<!DOCTYPE html><html><body><a href="${link}">${name}</a></body></html>\n`],
    [`/pip/packages/${name}`, wheel],
  ];
}

function cargoFiles(origin: string): readonly (readonly [string, string | Buffer])[] {
  const crate = tar({
    'greeting-1.0.0/Cargo.toml': '[package]\nname = "greeting"\nversion = "1.0.0"\nedition = "2021"\n',
    'greeting-1.0.0/src/lib.rs': 'pub const TEXT: &str = "hello from cargo";\n',
  });
  const line = {
    name: 'greeting',
    vers: '1.0.0',
    deps: [],
    cksum: hash('sha256', crate, 'hex'),
    features: {},
    yanked: false,
  };
  return [
    ['/cargo/index/config.json', JSON.stringify({ dl: `${origin}/cargo/crates`, api: null })],
    ['/cargo/index/gr/ee/greeting', `${JSON.stringify(line)}\n`],
    ['/cargo/crates/greeting/1.0.0/download', crate],
  ];
}

/** `greeting.git` in a folder of its own, with one commit. */
function makeRepository(): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-mirror-'));
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: folder };
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, env, stdio: 'ignore' });
  git('init', '--quiet', '--initial-branch=main', 'work');
  writeFileSync(join(folder, 'work', 'greeting.txt'), 'hello from git\n');
  git('-C', 'work', 'add', '.');
  git('-C', 'work', '-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '--quiet', '-m', 'first');
  git('clone', '--quiet', '--bare', 'work', 'greeting.git');
  return folder;
}

function hash(algorithm: string, bytes: Buffer, encoding: 'hex' | 'base64'): string {
  return createHash(algorithm).update(bytes).digest(encoding);
}

const BLOCK = 512;

/** ustar, compressed with gzip. */
function tar(files: Files): Buffer {
  const blocks = Object.entries(files).flatMap(([name, text]) => {
    const head = Buffer.alloc(BLOCK);
    const octal = (value: number, digits: number) => `${value.toString(8).padStart(digits, '0')}\0`;
    head.write(name, 0);
    head.write(octal(0o644, 7) + octal(0, 7) + octal(0, 7) + octal(text.length, 11) + octal(0, 11), 100);
    head.write(`${' '.repeat(8)}0`, 148);
    head.write('ustar\u000000', 257);
    head.write(
      `${octal(
        head.reduce((sum, byte) => sum + byte),
        6,
      )} `,
      148,
    );
    const body = Buffer.alloc(Math.ceil(text.length / BLOCK) * BLOCK);
    body.write(text);
    return [head, body];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]));
}

/** Nothing in it is compressed. */
function zip(files: Files): Buffer {
  const parts: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const [name, text] of Object.entries(files)) {
    // Version 2.0, no flags, stored, 1980-01-01, checksum, both sizes, length of the name.
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(20, 0);
    facts.writeUInt16LE(33, 8);
    facts.writeUInt32LE(crc32(text), 10);
    facts.writeUInt32LE(text.length, 14);
    facts.writeUInt32LE(text.length, 18);
    facts.writeUInt16LE(name.length, 22);
    const offset = Buffer.alloc(14);
    offset.writeUInt32LE(at, 10);
    const part = Buffer.concat([Buffer.from('PK\u0003\u0004'), facts, Buffer.from(name + text)]);
    central.push(Buffer.concat([Buffer.from('PK\u0001\u0002\u0014\u0000'), facts, offset, Buffer.from(name)]));
    parts.push(part);
    at += part.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\u0005\u0006');
  end.writeUInt16LE(parts.length, 8);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, directory, end]);
}

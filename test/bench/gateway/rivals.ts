// Owns the other gateways that ours is measured beside, where they are installed or can be. Knows no figure.
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { installNode } from '../../sdk/install.ts';
import { costsOf, pinned, type Server } from './servers.ts';

const PORTKEY = join(import.meta.dirname, 'portkey');
const TURNS = 300;
const TURN_MS = 100;

/** Undefined where it is not installed. It passes bytes as they come, over connections that are kept, and writes no log. */
export async function startNginx(engine: Server, folder: string): Promise<Server | undefined> {
  if (spawnSync('nginx', ['-v']).status !== 0) return undefined;
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off;\nmaster_process off;\npid ${join(folder, 'nginx.pid')};\nerror_log stderr crit;\n` +
      `events { worker_connections 16384; }\nhttp {\n  access_log off;\n  client_body_temp_path ${folder};\n` +
      `  client_body_buffer_size 512k;\n  upstream engine { server ${new URL(engine.url).host}; keepalive 1024; }\n` +
      `  server {\n    listen 127.0.0.1:${port} backlog=4096;\n    location / {\n      proxy_pass http://engine;\n` +
      `      proxy_http_version 1.1;\n      proxy_set_header Connection "";\n      proxy_buffering off;\n    }\n  }\n}\n`,
  );
  return started(['nginx', '-p', folder, '-c', config], port);
}

/** Undefined, and said, where it cannot be installed. */
export async function startPortkey(engine: Server): Promise<Server | undefined> {
  const installed = await installNode('portkey', PORTKEY);
  if (!installed.ok) {
    console.log(`Portkey's gateway is not measured: ${installed.why}`);
    return undefined;
  }
  const port = await freePort();
  const program = join(installed.folder, 'node_modules', '@portkey-ai', 'gateway', 'build', 'start-server.js');
  const argv = [process.execPath, '--require', join(PORTKEY, 'headers.cjs'), program, '--headless', `--port=${port}`];
  const server = await started(argv, port);
  return { ...server, headers: { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${engine.url}/v1` } };
}

async function started(argv: readonly string[], port: number): Promise<Server> {
  const [program, words] = pinned(0, argv);
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'inherit'] });
  const server = { ...costsOf(child), url: `http://127.0.0.1:${port}`, key: 'none' };
  for (let turn = 0; turn < TURNS; turn += 1) {
    if (await isAnswered(server.url)) return server;
    await new Promise((resolve) => setTimeout(resolve, TURN_MS));
  }
  server.stop();
  throw new Error(`${argv.join(' ')} did not begin to answer within ${TURNS * TURN_MS} ms`);
}

async function isAnswered(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

function freePort(): Promise<number> {
  const probe = createServer();
  return new Promise((resolve, reject) => {
    probe.on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

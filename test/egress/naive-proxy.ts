// A proxy as many are: it reads a first line with a loose eye, judges it once, and lets bytes pass. Attacks that work here are real ones.
import { lookup } from 'node:dns';
import { connect, createServer, type Socket } from 'node:net';
import { listen, type Listening } from './scene.ts';

export interface Naive {
  /** Judges host and path as they were written. */
  readonly allows: (host: string, path: string, method: string) => boolean;
  /** Asked twice for each request: to check, and again to connect. Absent: the resolver of the machine. */
  readonly addressOf?: (name: string) => string;
  /** Judges the address that was found first. */
  readonly allowsAddress?: (address: string) => boolean;
}

export async function openNaiveProxy(naive: Naive): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => {});
    client.once('data', (first: Buffer) => {
      // What comes meanwhile waits for the pipe.
      client.pause();
      const text = first.toString('latin1');
      const place = readLoosely(text);
      if (!isFine(naive, place)) {
        client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
        return;
      }
      const origin = connect({ host: naive.addressOf?.(place.host) ?? place.host, port: place.port, lookup });
      sockets.add(origin);
      origin.on('error', () => client.destroy());
      origin.on('connect', () => {
        if (place.method === 'CONNECT') client.write('HTTP/1.1 200 OK\r\n\r\n');
        else origin.write(Buffer.from(text.replace(place.target, place.path), 'latin1'));
        client.pipe(origin).pipe(client);
      });
    });
  });
  const port = await listen(server);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

interface Place {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

function readLoosely(text: string): Place {
  const [line = ''] = text.split(/\r?\n/, 1);
  const [method = '', target = ''] = line.split(' ');
  const [, far = '', path = ''] = /^\w+:\/\/([^/?#\\]*)(.*)$/.exec(target) ?? ['', target, ''];
  const [, host = '', port = ''] = /^(?:.*@)?(\[.*\]|[^:]*):?(\d*)$/.exec(far) ?? [];
  return { method, target, host: host.replaceAll(/^\[|\]$/g, ''), port: Number(port || '80'), path: path || '/' };
}

function isFine({ allows, allowsAddress, addressOf }: Naive, { host, path, method }: Place): boolean {
  return (allowsAddress?.(addressOf?.(host) ?? host) ?? true) && allows(host, path, method);
}

// Owns the clients of the gateway bench: many at once, each asking again when its answer has ended. A process of its own: it is told what
// to do as JSON on its standard input, and prints what it saw as JSON.
import { readFileSync } from 'node:fs';
import http from 'node:http';

interface Order {
  readonly url: string;
  readonly key: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly path: string;
  readonly body: string;
  readonly clients: number;
  readonly ms: number;
  /** Nothing is read of the answers. */
  readonly deaf?: boolean;
}

const order = JSON.parse(readFileSync(0, 'utf8')) as Order;
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
const address = new URL(order.path, order.url);
const body = Buffer.from(order.body);
const EVENT = Buffer.from('\n\n');
const first: number[] = [];
let [answers, events, failures] = [0, 0, 0];
let over = false;

function countEvents(chunk: Buffer): number {
  let count = 0;
  for (let at = chunk.indexOf(EVENT); at !== -1; at = chunk.indexOf(EVENT, at + 2)) count += 1;
  return count;
}

function ask(): void {
  if (over) return;
  const began = performance.now();
  const headers = {
    'content-type': 'application/json',
    authorization: `Bearer ${order.key}`,
    'content-length': body.length,
    ...order.headers,
  };
  const request = http.request(address, { method: 'POST', agent, headers }, (response) => {
    if (response.statusCode !== 200) failures += 1;
    if (order.deaf === true) return;
    let silent = true;
    response.on('data', (chunk: Buffer) => {
      if (silent) first.push(performance.now() - began);
      silent = false;
      events += countEvents(chunk);
    });
    response.on('end', () => {
      answers += 1;
      ask();
    });
    response.on('error', () => {});
  });
  request.on('error', () => {
    if (!over) failures += 1;
  });
  request.end(body);
}

for (let client = 0; client < order.clients; client += 1) ask();
setTimeout(() => {
  over = true;
  first.sort((left, right) => left - right);
  const at = (part: number) => first[Math.min(first.length - 1, Math.floor(first.length * part))] ?? Number.NaN;
  console.log(JSON.stringify({ answers, events, failures, firstMedian: at(0.5), firstP99: at(0.99) }));
  process.exit(0);
}, order.ms);

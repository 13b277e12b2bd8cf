// Owns a chat engine that costs next to nothing: it writes events that were printed before, as fast or as slow as the name of the model
// says: `flat-200`, `flat-2000`, `paced-5`, `paced-20`, `paced-50`, `flood`. A process of its own. Prints its port.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const chunk = (delta: string, finish = 'null', rest = '') =>
  `data: {"id":"chatcmpl-0123456789abcdef0123456789abcdef","object":"chat.completion.chunk","created":1764000000,"model":"bench",` +
  `"choices":[{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish},"token_ids":null}]${rest}}\n\n`;
const EVENT = Buffer.from(chunk('{"content":" word"}'));
const FIRST = chunk('{"role":"assistant","content":""}');
const USAGE =
  'data: {"id":"chatcmpl-0123456789abcdef0123456789abcdef","object":"chat.completion.chunk","created":1764000000,"model":"bench",' +
  '"choices":[],"usage":{"prompt_tokens":10,"total_tokens":210,"completion_tokens":200}}\n\n';
const LAST = `${chunk('{}', '"stop"')}${USAGE}data: [DONE]\n\n`;
const PLAIN = JSON.stringify({
  id: 'chatcmpl-0123456789abcdef',
  object: 'chat.completion',
  created: 1764000000,
  model: 'bench',
  choices: [
    { index: 0, message: { role: 'assistant', content: 'word '.repeat(340) }, logprobs: null, finish_reason: 'stop' },
  ],
  usage: { prompt_tokens: 10, total_tokens: 350, completion_tokens: 340 },
});
const TICK_BYTES = 64 * 1024;

/** One timer for each pace: streams of one decode step get their events together, as they do from an engine. */
const paces = new Map<number, Set<ServerResponse>>();

function pace(response: ServerResponse, everyMs: number, events: number): void {
  let streams = paces.get(everyMs);
  if (streams === undefined) {
    const all = new Set<ServerResponse>();
    streams = all;
    paces.set(everyMs, all);
    setInterval(() => {
      for (const stream of all) stream.write(EVENT);
    }, everyMs);
  }
  const all = streams;
  all.add(response);
  response.on('close', () => all.delete(response));
  setTimeout(() => {
    if (all.delete(response)) response.end(LAST);
  }, everyMs * events);
}

/** Without regard to the reader's pace, but never more than the connection takes. */
function flood(response: ServerResponse): void {
  const many = Buffer.concat(Array.from({ length: TICK_BYTES / EVENT.length }, () => EVENT));
  const more = () => {
    while (!response.destroyed && response.write(many));
  };
  response.on('drain', more);
  more();
}

function answer(model: string, streamed: boolean, response: ServerResponse): void {
  if (!streamed) {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(PLAIN) });
    response.end(PLAIN);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  const [kind, number] = model.split('-');
  if (kind === 'flat') {
    response.write(FIRST);
    for (let event = 1; event < Number(number); event += 1) response.write(EVENT);
    response.end(LAST);
    return;
  }
  response.write(FIRST);
  const everyMs = Number(number);
  if (kind === 'flood') flood(response);
  else pace(response, everyMs, Math.max(1, Math.floor(1000 / everyMs)));
}

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const head = Buffer.concat(parts);
  const text = head.toString('latin1', 0, 400) + head.toString('latin1', Math.max(400, head.length - 400));
  answer(/"model":\s*"([^"]+)"/.exec(text)?.[1] ?? '', /"stream":\s*true/.test(text), response);
}

const server = createServer((request, response) => {
  if (request.method === 'POST') {
    void take(request, response);
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end('{"object":"list","data":[]}');
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
  console.log(String((server.address() as AddressInfo).port)),
);

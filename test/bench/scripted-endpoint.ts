// Owns an OpenAI-compatible endpoint without latency that plays a list of shell commands as tool calls. A process of its own, so that
// its work is not counted. Prints its port, then one JSON line per request: bytes, milliseconds since the epoch, common prefix.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { COMMANDS } from './commands.ts';

const argumentsOf = (command: string) => JSON.stringify({ command });
let last = '';

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

function chunk(delta: object, finish: string | null = null): string {
  const body = {
    id: 'c',
    object: 'chat.completion.chunk',
    created: 0,
    model: 'bench',
    choices: [{ index: 0, delta, finish_reason: finish }],
  };
  return `data: ${JSON.stringify(body)}\n\n`;
}

function reply(response: ServerResponse, answered: number): void {
  const command = COMMANDS[answered];
  const call = {
    name: command === undefined ? 'finish' : 'bash',
    arguments: command === undefined ? '{"summary":"done","checked":"all"}' : argumentsOf(command),
  };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write(chunk({ role: 'assistant', content: '' }));
  response.write(chunk({ tool_calls: [{ index: 0, id: `call_${answered}`, type: 'function', function: call }] }));
  response.write(chunk({}, 'tool_calls'));
  const usage = { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 };
  response.write(
    `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 0, model: 'bench', choices: [], usage })}\n\n`,
  );
  response.end('data: [DONE]\n\n');
}

const server = createServer((request, response) => {
  const at = performance.timeOrigin + performance.now();
  if (request.method === 'GET') {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        object: 'list',
        data: [{ id: 'bench', object: 'model', created: 0, owned_by: 'bench', max_model_len: 131072 }],
      }),
    );
    return;
  }
  void bodyOf(request).then((text) => {
    const { messages, tools } = JSON.parse(text) as { messages: { role: string }[]; tools?: unknown[] };
    const now = JSON.stringify(messages).slice(0, -1);
    const answered = messages.filter((message) => message.role === 'assistant').length;
    console.log(
      JSON.stringify({
        at,
        bytes: text.length,
        tools: tools?.length ?? 0,
        answered,
        grows: answered === 0 || now.startsWith(last),
      }),
    );
    last = now;
    reply(response, answered);
  });
});
server.listen(0, '127.0.0.1', () => console.log(String((server.address() as AddressInfo).port)));

// Owns an engine in a container of its own: it plays the replies of test/demo over HTTP. Nothing else of the run is recorded.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { playReply } from '../../src/backends/rehearsal/play.ts';
import { parseRehearsal } from '../../src/backends/rehearsal/script.ts';
import type { ModelEvent } from '../../src/contracts/model-events.ts';

const FILE = join(import.meta.dirname, '..', 'demo', 'slugify.yaml');
const PORT = 8000;
const script = parseRehearsal(readFileSync(FILE, 'utf8'), FILE);

function chunkOf(event: ModelEvent): object {
  const of = (delta: object, finish: string | null = null) => ({
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  if (event.type === 'text') return of({ content: event.text });
  if (event.type === 'reasoning') return of({ reasoning: event.text });
  if (event.type === 'finish') return of({}, event.reason);
  if (event.type === 'usage')
    return { choices: [], usage: { prompt_tokens: event.promptTokens, completion_tokens: event.completionTokens } };
  if (event.type !== 'tool_call') return of({});
  const { index, id, name, arguments: words = '' } = event;
  const named = id === undefined ? {} : { id, type: 'function' };
  return of({
    tool_calls: [{ index, ...named, function: { ...(name === undefined ? {} : { name }), arguments: words } }],
  });
}

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    const model = { id: script.model, object: 'model', created: 0, owned_by: 'test', max_model_len: 131_072 };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ object: 'list', data: [model] }));
    return;
  }
  void text(request).then((body) => {
    const { messages } = JSON.parse(body) as { messages: readonly { readonly role: string }[] };
    const turn = messages.filter(({ role }) => role === 'assistant').length;
    const head = { id: `chatcmpl-${turn}`, object: 'chat.completion.chunk', created: 0, model: script.model };
    const events = [...playReply(script.turns[turn]?.reply ?? { text: 'The script has ended.' }, turn)];
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of events) response.write(`data: ${JSON.stringify({ ...head, ...chunkOf(event) })}\n\n`);
    response.end('data: [DONE]\n\n');
  });
});
server.listen(PORT, '0.0.0.0');

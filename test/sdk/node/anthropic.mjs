// The official client of Anthropic for Node on /v1/messages. Knows no case.
import Anthropic from '@anthropic-ai/sdk';
import { drive, PLACE, WEATHER } from './drive.mjs';

const client = new Anthropic({ baseURL: PLACE.url, apiKey: PLACE.key });
const { name, description, parameters } = WEATHER;
const tools = [{ name, description, input_schema: parameters }];

await drive('anthropic-node', async ({ prompt, model, streamed, call, heard, signal }) => {
  const messages = [{ role: 'user', content: prompt }];
  for (;;) {
    const body = { model, max_tokens: 1000, messages, tools };
    const answer = streamed ? await overStream(body) : await client.messages.create(body, { signal });
    messages.push({ role: 'assistant', content: answer.content });
    const calls = answer.content.filter(({ type }) => type === 'tool_use');
    if (calls.length === 0) return answer.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
    const content = calls.map(({ id, input }) => ({ type: 'tool_result', tool_use_id: id, content: call(input) }));
    messages.push({ role: 'user', content });
  }
  async function overStream(body) {
    const stream = client.messages.stream(body, { signal });
    stream.on('text', heard);
    return stream.finalMessage();
  }
});

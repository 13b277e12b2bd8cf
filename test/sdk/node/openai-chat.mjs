// The official client of OpenAI for Node on /v1/chat/completions. Knows no case.
import OpenAI from 'openai';
import { drive, PLACE, WEATHER } from './drive.mjs';

const client = new OpenAI({ baseURL: `${PLACE.url}/v1`, apiKey: PLACE.key });
const tools = [{ type: 'function', function: WEATHER }];

await drive('openai-node-chat', async ({ prompt, model, streamed, call, heard, signal }) => {
  const messages = [{ role: 'user', content: prompt }];
  for (;;) {
    const message = streamed ? await overStream() : await whole();
    messages.push(message);
    if (!message.tool_calls?.length) return message.content;
    for (const { id, function: called } of message.tool_calls)
      messages.push({ role: 'tool', tool_call_id: id, content: call(JSON.parse(called.arguments)) });
  }
  async function whole() {
    const answer = await client.chat.completions.create({ model, messages, tools }, { signal });
    return answer.choices[0].message;
  }
  async function overStream() {
    const stream = client.chat.completions.stream({ model, messages, tools }, { signal });
    stream.on('content', heard);
    return (await stream.finalChatCompletion()).choices[0].message;
  }
});

// The official client of OpenAI for Node on /v1/responses. Knows no case.
import OpenAI from 'openai';
import { drive, PLACE, WEATHER } from './drive.mjs';

const client = new OpenAI({ baseURL: `${PLACE.url}/v1`, apiKey: PLACE.key });
const tools = [{ type: 'function', strict: true, ...WEATHER }];

await drive('openai-node-responses', async ({ prompt, model, streamed, call, heard, signal }) => {
  const input = [{ role: 'user', content: prompt }];
  for (;;) {
    const answer = streamed ? await overStream() : await client.responses.create(body(), { signal });
    const calls = answer.output.filter(({ type }) => type === 'function_call');
    input.push(...answer.output);
    if (calls.length === 0) return answer.output_text;
    for (const { call_id, arguments: text } of calls)
      input.push({ type: 'function_call_output', call_id, output: call(JSON.parse(text)) });
  }
  function body() {
    return { model, input, tools, store: false };
  }
  async function overStream() {
    const stream = client.responses.stream(body(), { signal });
    stream.on('response.output_text.delta', heard);
    return stream.finalResponse();
  }
});

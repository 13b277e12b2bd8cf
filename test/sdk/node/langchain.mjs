// LangChain for JavaScript, with a model that has tools. Knows no case.
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { drive, PLACE, WEATHER } from './drive.mjs';

const configuration = { baseURL: `${PLACE.url}/v1` };

await drive('langchain-js', async ({ prompt, model, streamed, call, heard, signal }) => {
  const chat = new ChatOpenAI({ model, apiKey: PLACE.key, configuration, maxRetries: 2 });
  const bound = chat.bindTools([{ type: 'function', function: WEATHER }]);
  const messages = [new HumanMessage(prompt)];
  for (;;) {
    const message = streamed ? await overStream() : await bound.invoke(messages, { signal });
    messages.push(message);
    if (!message.tool_calls?.length) return message.text;
    for (const { id, args } of message.tool_calls)
      messages.push(new ToolMessage({ tool_call_id: id, content: call(args) }));
  }
  async function overStream() {
    let all;
    for await (const chunk of await bound.stream(messages, { signal })) {
      all = all === undefined ? chunk : all.concat(chunk);
      if (chunk.text !== '') heard();
    }
    return all;
  }
});

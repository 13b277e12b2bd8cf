// The Agents SDK of OpenAI for JavaScript on /v1/responses or /v1/chat/completions, as named on the command line. Knows no case.
import { Agent, OpenAIProvider, Runner, setTracingDisabled, tool } from '@openai/agents';
import { drive, PLACE, WEATHER } from './drive.mjs';

setTracingDisabled(true);
const useResponses = process.argv[2] === 'responses';
const modelProvider = new OpenAIProvider({ baseURL: `${PLACE.url}/v1`, apiKey: PLACE.key, useResponses });
const runner = new Runner({ modelProvider, tracingDisabled: true });

await drive(`agents-js-${process.argv[2]}`, async ({ prompt, model, streamed, call, heard, signal }) => {
  const weather = tool({ ...WEATHER, strict: true, execute: async (input) => call(input) });
  const agent = new Agent({ name: 'caisson', model, tools: [weather] });
  if (!streamed) return (await runner.run(agent, prompt, { signal })).finalOutput;
  const run = await runner.run(agent, prompt, { signal, stream: true });
  for await (const event of run)
    if (event.type === 'raw_model_stream_event' && event.data.type === 'output_text_delta') heard();
  await run.completed;
  return run.finalOutput;
});

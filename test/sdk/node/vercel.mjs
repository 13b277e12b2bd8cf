// The Vercel AI SDK with its providers for all three dialects, each named on the command line. Knows no case.
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { drive, PLACE, WEATHER } from './drive.mjs';

const settings = { baseURL: `${PLACE.url}/v1`, apiKey: PLACE.key };
const PROVIDERS = {
  compatible: () => createOpenAICompatible({ name: 'caisson', includeUsage: true, ...settings }),
  responses: () => createOpenAI(settings).responses,
  anthropic: () => createAnthropic(settings),
};
const provider = PROVIDERS[process.argv[2]]();

await drive(`vercel-${process.argv[2]}`, async ({ prompt, model, streamed, call, heard, signal }) => {
  const weather = tool({
    description: WEATHER.description,
    inputSchema: jsonSchema(WEATHER.parameters),
    execute: async (input) => call(input),
  });
  const wish = { model: provider(model), prompt, tools: { weather }, stopWhen: stepCountIs(5), abortSignal: signal };
  if (!streamed) return (await generateText(wish)).text;
  const answer = streamText({ ...wish, onError: () => {} });
  for await (const part of answer.fullStream) {
    if (part.type === 'error') throw part.error;
    if (part.type === 'text-delta') heard();
  }
  return answer.text;
});

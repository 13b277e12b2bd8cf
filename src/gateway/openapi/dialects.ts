// Owns the description of the routes under /v1: the dialects of OpenAI and Anthropic. Knows no handler.
import { list, object, oneOf, type Operation, text, THINGS, whole, yes } from './operation.ts';

const MESSAGES = [{ role: 'user', content: 'Say hello.' }];
const conversation = list(object({ role: text }));
const tools = list({ type: 'object' });
const free = {};
const model = object({ id: text });
const stored = { path: { id: THINGS.stored } };

export const DIALECT_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    route: '/v1/models',
    summary: 'The models that are served, in the form of OpenAI, or of Anthropic for its clients',
    roles: ['client'],
    answer: { status: 200, schema: object({ data: list(model) }) },
    example: {},
  },
  {
    method: 'get',
    route: '/v1/models/*',
    summary: 'One model; its name may hold slashes',
    roles: ['client'],
    answer: { status: 200, schema: model },
    example: { path: { '*': 'example' } },
  },
  {
    method: 'post',
    route: '/v1/chat/completions',
    summary: 'An answer in the chat dialect of OpenAI',
    roles: ['client'],
    body: object({ model: text, messages: conversation, 'stream?': yes, 'tools?': tools, 'max_tokens?': whole }),
    answer: { status: 200, schema: object({ id: text, object: oneOf('chat.completion'), choices: list(object({})) }) },
    streams: true,
    example: { body: { model: 'example', messages: MESSAGES } },
  },
  {
    method: 'post',
    route: '/v1/completions',
    summary: 'Plain text that goes on, where the engine can do that',
    roles: ['client'],
    body: object({ model: text, prompt: free, 'stream?': yes, 'max_tokens?': whole }),
    answer: { status: 200, schema: object({ choices: list(object({ text })) }) },
    streams: true,
    example: { body: { model: 'example', prompt: 'Once upon a time' } },
  },
  {
    method: 'post',
    route: '/v1/embeddings',
    summary: 'Vectors of texts, where the engine can do that',
    roles: ['client'],
    body: object({ model: text, input: free, 'encoding_format?': oneOf('float', 'base64'), 'dimensions?': whole }),
    answer: { status: 200, schema: object({ data: list(object({ index: whole })) }) },
    example: { body: { model: 'example', input: 'hello' } },
  },
  {
    method: 'post',
    route: '/v1/messages',
    summary: 'An answer in the dialect of Anthropic',
    roles: ['client'],
    body: object({ model: text, max_tokens: whole, messages: conversation, 'stream?': yes, 'tools?': tools }),
    answer: {
      status: 200,
      schema: object({ id: text, type: oneOf('message'), content: list(object({ type: text })) }),
    },
    streams: true,
    example: { body: { model: 'example', max_tokens: 100, messages: MESSAGES } },
  },
  {
    method: 'post',
    route: '/v1/messages/count_tokens',
    summary: 'Tokens of a conversation, estimated where the engine cannot count',
    roles: ['client'],
    body: object({ model: text, messages: conversation, 'tools?': tools }),
    answer: { status: 200, schema: object({ input_tokens: whole }) },
    example: { body: { model: 'example', messages: MESSAGES } },
  },
  {
    method: 'post',
    route: '/v1/responses',
    summary: 'An answer in the Responses dialect of OpenAI',
    roles: ['client'],
    body: object({ model: text, input: free, 'stream?': yes, 'store?': yes, 'previous_response_id?': text }),
    answer: {
      status: 200,
      schema: object({ id: text, object: oneOf('response'), output: list(object({ type: text })) }),
    },
    streams: true,
    example: { body: { model: 'example', input: 'Say hello.' } },
  },
  {
    method: 'get',
    route: '/v1/responses/:id',
    summary: 'A response that is being made, or was stored',
    roles: ['client'],
    answer: { status: 200, schema: object({ id: text, object: oneOf('response') }) },
    example: stored,
  },
  {
    method: 'delete',
    route: '/v1/responses/:id',
    summary: 'Forgets a stored response',
    roles: ['client'],
    answer: { status: 200, schema: object({ id: text, deleted: yes }) },
    example: stored,
  },
  {
    method: 'post',
    route: '/v1/responses/:id/cancel',
    summary: 'Gives up a response that is being made',
    roles: ['client'],
    answer: { status: 200, schema: object({ id: text, status: text }) },
    example: { path: { id: THINGS.running } },
  },
  {
    method: 'get',
    route: '/v1/responses/:id/input_items',
    summary: 'What was asked for a stored response',
    roles: ['client'],
    query: { limit: whole, order: oneOf('asc', 'desc'), after: text },
    answer: { status: 200, schema: object({ data: list(object({})), has_more: yes }) },
    example: stored,
  },
];

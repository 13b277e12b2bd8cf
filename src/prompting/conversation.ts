// Owns the variables that a chat template is given for a request, as vLLM and transformers give them. Knows no template.
import type { ModelProfile } from '../contracts/model-profile.ts';
import { type AssistantMessage, type ChatRequest, type Message, textOf, type ToolCall } from '../contracts/messages.ts';
import type { Guard } from './guard.ts';
import { fromPlain, readJson } from './python/json.ts';
import { textOf as textOfValue } from './python/text.ts';
import { isList, type Keywords, PyDict, type PyValue } from './python/values.ts';
import { thinkingArguments, withThinkingWord } from './thinking.ts';

export interface SpecialTokens {
  readonly bos?: string;
  readonly eos?: string;
  readonly [name: string]: string | undefined;
}

/** Variables of the template by name. Text of the request cannot become a mark of the template. */
export function variablesOf(
  request: ChatRequest,
  {
    profile,
    specialTokens,
    guard,
  }: { readonly profile: ModelProfile; readonly specialTokens: SpecialTokens; readonly guard: Guard },
): Keywords {
  const given = templateArguments(request, profile);
  const thinking = [profile.output.thinkingStart, profile.output.thinkingEnd];
  const variables = new Map<string, PyValue>();
  for (const [name, token] of Object.entries(specialTokens))
    if (token !== undefined) variables.set(name.endsWith('_token') ? name : `${name}_token`, token);
  variables.set(
    'messages',
    withThinkingWord(request.messages, request, profile).map((message) => messageOf(message, guard, thinking)),
  );
  const { tools = [] } = request;
  if (tools.length > 0)
    variables.set(
      'tools',
      tools.map((tool) => guarded(toolOf(tool), guard)),
    );
  variables.set('add_generation_prompt', true);
  for (const [name, value] of given.entries()) variables.set(textOfValue(name), value);
  variables.set('chat_template_kwargs', given);
  return variables;
}

/** What the request says goes over what the profile says. */
function templateArguments(request: ChatRequest, profile: ModelProfile): PyDict {
  const { thinking, extra } = request;
  const made = new PyDict();
  const add = (values: PyValue) => {
    if (values instanceof PyDict) for (const [key, value] of values.entries()) made.set(key, value);
  };
  add(fromPlain(thinkingArguments(request, profile)));
  const enabled = thinking?.enabled ?? (thinking?.effort === undefined ? undefined : thinking.effort !== 'none');
  if (enabled !== undefined) made.set('enable_thinking', enabled);
  if (thinking?.effort !== undefined) made.set('reasoning_effort', thinking.effort);
  add(fromPlain(extra?.['chat_template_kwargs'] ?? null));
  return made;
}

function toolOf({ name, description, parameters }: NonNullable<ChatRequest['tools']>[number]): PyValue {
  return fromPlain({ type: 'function', function: { name, description, parameters } });
}

function messageOf(message: Message, guard: Guard, thinking: readonly string[]): PyValue {
  if (message.role === 'assistant') return assistantOf(message, guard, thinking);
  const content = guard.breakUp(textOf(message.content));
  const made = PyDict.from([
    ['role', message.role],
    ['content', content],
  ]);
  if (message.role === 'tool') made.set('tool_call_id', message.callId);
  return made;
}

/** Clients write thoughts into the text as well: those marks of the model's own text stay whole. */
function assistantOf(
  { content, reasoning, toolCalls = [] }: AssistantMessage,
  guard: Guard,
  thinking: readonly string[],
): PyDict {
  const made = PyDict.from([
    ['role', 'assistant'],
    ['content', guard.breakUp(content, thinking)],
  ]);
  if (reasoning !== undefined) {
    made.set('reasoning', guard.breakUp(reasoning));
    made.set('reasoning_content', guard.breakUp(reasoning));
  }
  if (toolCalls.length > 0)
    made.set(
      'tool_calls',
      toolCalls.map((call) => callOf(call, guard)),
    );
  return made;
}

/** Arguments that are no JSON object are rendered as none, as vLLM does. */
function callOf({ id, name, arguments: text }: ToolCall, guard: Guard): PyDict {
  const read = readJson(text);
  const given = read instanceof PyDict ? guarded(read, guard) : new PyDict();
  return PyDict.from([
    ['id', id],
    ['type', 'function'],
    [
      'function',
      PyDict.from([
        ['name', guard.breakUp(name)],
        ['arguments', given],
      ]),
    ],
  ]);
}

function guarded(value: PyValue, guard: Guard): PyValue {
  if (typeof value === 'string') return guard.breakUp(value);
  if (isList(value)) return value.map((item) => guarded(item, guard));
  if (!(value instanceof PyDict)) return value;
  return PyDict.from([...value.entries()].map(([key, item]) => [guarded(key, guard), guarded(item, guard)] as const));
}

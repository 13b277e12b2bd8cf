// Owns the form that a whole answer is held to: calls in the model's own syntax, or JSON; thinking may come before. Samples nothing.
import type { Json, JsonObject } from '../../../base/json.ts';
import type { ChatRequest, ToolDefinition } from '../../../contracts/messages.ts';
import type { ModelProfile, OutputProfile } from '../../../contracts/model-profile.ts';
import { createJsonRules, fixedValues, isObject } from './json-schema.ts';
import { createRules, literal, type Rules } from './rules.ts';

/** GBNF; undefined: the model is free. */
export function answerGrammar(request: ChatRequest, profile: ModelProfile, opensThinking: boolean): string | undefined {
  const { tools = [], toolChoice = 'auto', responseFormat } = request;
  const { output } = profile;
  const rules = createRules();
  const may = toolChoice === 'none' || output.toolCalls === 'none' ? [] : toolsOf(tools, toolChoice);
  const must = toolChoice !== 'auto' && may.length > 0;
  const schema = schemaOf(responseFormat);
  if (!must && schema === undefined) return undefined;
  const bodies = [
    ...(must || schema === undefined ? [] : [createJsonRules(rules, schema).value(schema)]),
    ...(may.length === 0 ? [] : [calls(rules, may, request, output)]),
  ];
  const thinking = thoughts(rules, request, profile, opensThinking);
  return rules.write(`${thinking}(${bodies.join(' | ')})`);
}

function toolsOf(
  tools: readonly ToolDefinition[],
  choice: NonNullable<ChatRequest['toolChoice']>,
): readonly ToolDefinition[] {
  return typeof choice === 'object' ? tools.filter(({ name }) => name === choice.name) : tools;
}

function schemaOf(format: ChatRequest['responseFormat']): JsonObject | undefined {
  if (format === undefined || format.type === 'text') return undefined;
  return format.type === 'json' ? { type: 'object' } : format.schema;
}

const BLANKS = '[ \\n]{0,4}';

/** A model that opens its thinking by itself may do so. */
function thoughts(rules: Rules, { thinking }: ChatRequest, profile: ModelProfile, opensThinking: boolean): string {
  const { thinkingStart, thinkingEnd, startsInsideThinking } = profile.output;
  if (thinkingEnd === '') return '';
  if (opensThinking) return `${rules.until(thinkingEnd)} ${BLANKS} `;
  const thinks = thinking?.enabled ?? profile.thinksByDefault;
  if (!thinks || startsInsideThinking || thinkingStart === '') return '';
  return `(${literal(thinkingStart)} ${rules.until(thinkingEnd)} ${BLANKS})? `;
}

function calls(
  rules: Rules,
  tools: readonly ToolDefinition[],
  { parallelToolCalls }: ChatRequest,
  { toolCalls }: OutputProfile,
): string {
  const ways = tools.map((tool) => (toolCalls === 'xml' ? xmlCall(rules, tool) : jsonCall(rules, tool)));
  const call = rules.add('call', () => `"<tool_call>\\n" (${ways.join(' | ')}) "</tool_call>"`);
  return parallelToolCalls === false ? call : `${call} ("\\n" ${call})*`;
}

function jsonCall(rules: Rules, { name, parameters }: ToolDefinition): string {
  const values = createJsonRules(rules, parameters).object(parameters);
  return `${literal(`{"name": ${JSON.stringify(name)}, "arguments": `)} ${values} "}\\n"`;
}

function xmlCall(rules: Rules, { name, parameters }: ToolDefinition): string {
  const { properties, required } = parameters;
  const json = createJsonRules(rules, parameters);
  const wanted = Array.isArray(required) ? required : [];
  const all = Object.entries(isObject(properties) ? properties : {}).map(([key, schema]) => {
    const parameter = `${literal(`<parameter=${key}>\n`)} ${xmlValue(rules, schema, (one) => json.value(one))}`;
    return wanted.includes(key) ? parameter : `(${parameter})?`;
  });
  return [literal(`<function=${name}>\n`), ...all, literal('</function>\n')].join(' ');
}

const PARAMETER_END = '\n</parameter>\n';

/** A text stands as it is, everything else as JSON. */
function xmlValue(rules: Rules, schema: Json, json: (schema: Json) => string): string {
  if (isObject(schema)) {
    const fixed = fixedValues(schema);
    if (fixed?.every((one) => typeof one === 'string') === true)
      return `(${fixed.map(literal).join(' | ')}) ${literal(PARAMETER_END)}`;
    if (schema['type'] === 'string') return rules.until(PARAMETER_END);
  }
  return `${json(schema)} ${literal(PARAMETER_END)}`;
}

// Owns which tools a request in Anthropic's dialect offers and how one is chosen. Knows no other field of a request.
import { CaissonError } from '../../base/errors.ts';
import type { ToolChoice, ToolDefinition } from '../../contracts/messages.ts';
import type { MessagesBody, Tool } from './schema.ts';

/** Those of the request, with what its messages added and took away: engines know one list for the whole conversation. */
export function toolsOf({ tools, messages }: Pick<MessagesBody, 'tools' | 'messages'>): readonly ToolDefinition[] {
  const known = new Map<string, ToolDefinition>();
  const define = (tool: Tool) => {
    if (tool.type === 'custom') known.set(tool.name, definitionOf(tool));
    return tool.type === 'custom' ? tool.name : undefined;
  };
  const offered = new Set(tools?.map(define));
  for (const { content } of messages)
    for (const block of content) {
      if (block.type !== 'tool_addition' && block.type !== 'tool_removal') continue;
      const { tool } = block;
      if (tool.type === 'other') continue;
      const name = tool.type === 'tool_definition' ? define(tool.definition) : tool.name;
      if (block.type === 'tool_addition') offered.add(name);
      else offered.delete(name);
    }
  return [...offered].flatMap((name) => known.get(name ?? '') ?? []);
}

/** Throws `invalid_input` for a tool that is not there. */
export function toolChoiceOf(
  { tool_choice: choice }: MessagesBody,
  tools: readonly ToolDefinition[],
): ToolChoice | undefined {
  if (choice === null || choice === undefined) return undefined;
  if (choice.type === 'any') return 'required';
  if (choice.type !== 'tool') return choice.type;
  const { name } = choice;
  if (tools.some((tool) => tool.name === name)) return { name };
  throw new CaissonError('invalid_input', `tool_choice.name: there is no tool ${JSON.stringify(name)} to choose`, {
    place: { field: 'tool_choice.name' },
  });
}

export function isOneByOne({ tool_choice: choice }: MessagesBody): boolean {
  return choice !== null && choice !== undefined && choice.type !== 'none' && choice.disable_parallel_tool_use === true;
}

function definitionOf({ name, description, input_schema: schema }: Extract<Tool, { type: 'custom' }>): ToolDefinition {
  return { name, description: description ?? '', parameters: { ...schema, type: 'object' } };
}

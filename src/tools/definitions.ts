// Owns what the model is told of each tool: the words of every first request. Knows no tool: a run begins before they are loaded.
import type { ToolDefinition } from '../contracts/messages.ts';

export const BASH: ToolDefinition = {
  name: 'bash',
  description: 'Run a command in the live bash. Gives exit status and output.',
  parameters: {
    type: 'object',
    properties: {
      command: { type: 'string' },
      timeout_seconds: { type: 'integer', description: 'default 120, at most 1800' },
    },
    required: ['command'],
    additionalProperties: false,
  },
};

export const READ: ToolDefinition = {
  name: 'read',
  description: 'Show lines of a text file as number|text, or the names in a directory.',
  parameters: {
    type: 'object',
    properties: {
      path: { type: 'string' },
      from_line: { type: 'integer', description: 'first line, default 1' },
      lines: { type: 'integer', description: 'how many, default as many as fit' },
    },
    required: ['path'],
    additionalProperties: false,
  },
};

export const EDIT: ToolDefinition = {
  name: 'edit',
  description:
    'Change files. Either path, old, new: replaces the text old, which must occur exactly once (all: every place). ' +
    'Or patch: several files at once:\n*** Begin Patch\n*** Update File: a.js\n@@ function f() {\n context\n-old line\n+new line\n' +
    '*** Add File: b.js\n+text\n*** Delete File: c.js\n*** Move File: d.js\n*** Move to: e.js\n*** End Patch',
  parameters: {
    type: 'object',
    properties: {
      path: { type: 'string' },
      old: { type: 'string', description: 'exact text, without line numbers' },
      new: { type: 'string' },
      all: { type: 'boolean' },
      patch: { type: 'string' },
    },
    additionalProperties: false,
  },
};

export const WRITE: ToolDefinition = {
  name: 'write',
  description: 'Make a file, or replace all of it; makes directories.',
  parameters: {
    type: 'object',
    properties: { path: { type: 'string' }, content: { type: 'string' } },
    required: ['path', 'content'],
    additionalProperties: false,
  },
};

export const SEARCH: ToolDefinition = {
  name: 'search',
  description: 'Find lines that match a regular expression (ripgrep); skips ignored files.',
  parameters: {
    type: 'object',
    properties: {
      pattern: { type: 'string' },
      path: { type: 'string', description: 'file or directory, default all' },
      glob: { type: 'string', description: 'such as *.ts' },
      ignore_case: { type: 'boolean' },
    },
    required: ['pattern'],
    additionalProperties: false,
  },
};

export const FINISH: ToolDefinition = {
  name: 'finish',
  description: 'Say that the task is done. The declared checks then run on a fresh checkout.',
  parameters: {
    type: 'object',
    properties: {
      summary: { type: 'string', description: 'what was wrong, what you changed, what is left' },
      checked: { type: 'string', description: 'what you ran and what it showed' },
    },
    required: ['summary', 'checked'],
    additionalProperties: false,
  },
};

export const REQUEST_ACCESS: ToolDefinition = {
  name: 'request_access',
  description:
    'Ask a person to open the network for one kind of request that was refused. Ask for no more than is needed.',
  parameters: {
    type: 'object',
    properties: {
      host: { type: 'string', description: 'name, name:port or http://name' },
      method: { type: 'string', description: 'default GET' },
      path: { type: 'string', description: 'such as /left-pad or /left-pad/**' },
      why: { type: 'string' },
    },
    required: ['host', 'path', 'why'],
    additionalProperties: false,
  },
};

export const SET_UP: ToolDefinition = {
  name: 'set_up',
  description:
    'Ask to run one more installing command where the network may be open, on your present files. What it makes is put into the ' +
    'work tree and home; the shell starts anew.',
  parameters: {
    type: 'object',
    properties: { command: { type: 'string', description: 'such as npm ci' }, why: { type: 'string' } },
    required: ['command', 'why'],
    additionalProperties: false,
  },
};

/** In the order the model is told of them; the order is part of the prompt and never changes within a run. */
export function toolDefinitions(network: boolean, setUp = false): readonly ToolDefinition[] {
  const access = network ? [REQUEST_ACCESS] : [];
  return [BASH, READ, EDIT, WRITE, SEARCH, ...access, ...(setUp ? [SET_UP] : []), FINISH];
}

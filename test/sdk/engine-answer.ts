// Owns the bytes of one answer as vLLM writes them, streamed or whole. Knows no scene and no process.
import type { ServerResponse } from 'node:http';
import type { Step } from './scenes.ts';

type Spoken = Extract<Step, { does: 'think' | 'say' | 'call' | 'begin_call' }>;

export interface Answer {
  take(step: Spoken): void;
  /** The finish, the usage, and the end of the body. */
  end(): void;
}

interface Call {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

const USAGE = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 };
const PIECE = 7;
const WHOLE_CALL = 'chatcmpl-tool-';
/** How the id of a call begins that breaks off. */
export const HALF_CALL = 'chatcmpl-tool-half-';

export function createAnswer(response: ServerResponse, model: string, streamed: boolean): Answer {
  const head = { id: `chatcmpl-${randomWord()}`, created: Math.floor(Date.now() / 1000), model };
  return streamed ? streamedAnswer(response, head) : wholeAnswer(response, head);
}

function streamedAnswer(response: ServerResponse, head: object): Answer {
  let calls = 0;
  const send = (choices: readonly object[], more: object = {}) =>
    response.write(`data: ${JSON.stringify({ ...head, object: 'chat.completion.chunk', choices, ...more })}\n\n`);
  const delta = (fields: object, finish: string | null = null) =>
    send([{ index: 0, delta: fields, logprobs: null, finish_reason: finish }]);
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  delta({ role: 'assistant', content: '' });
  return {
    take: (step) => {
      if (step.does === 'call' || step.does === 'begin_call') {
        const { id, type, function: called } = callOf(step);
        // The first delta of a call has no arguments, the later ones no id.
        delta({ tool_calls: [{ index: calls, id, type, function: { name: called.name } }] });
        for (const piece of pieces(called.arguments))
          delta({ tool_calls: [{ index: calls, function: { arguments: piece } }] });
        calls += 1;
        return;
      }
      const field = step.does === 'think' ? 'reasoning' : 'content';
      for (const piece of pieces(step.text)) delta({ [field]: piece });
    },
    end: () => {
      delta({}, calls > 0 ? 'tool_calls' : 'stop');
      send([], { usage: USAGE });
      response.end('data: [DONE]\n\n');
    },
  };
}

function wholeAnswer(response: ServerResponse, head: object): Answer {
  const calls: Call[] = [];
  let [content, reasoning] = ['', ''];
  return {
    take: (step) => {
      if (step.does === 'call' || step.does === 'begin_call') calls.push(callOf(step));
      else if (step.does === 'think') reasoning += step.text;
      else content += step.text;
    },
    end: () => {
      const message = {
        role: 'assistant',
        content: content === '' ? null : content,
        reasoning: reasoning === '' ? null : reasoning,
        ...(calls.length > 0 ? { tool_calls: calls } : {}),
      };
      const choice = { index: 0, message, logprobs: null, finish_reason: calls.length > 0 ? 'tool_calls' : 'stop' };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ ...head, object: 'chat.completion', choices: [choice], usage: USAGE }));
    },
  };
}

function callOf(step: Extract<Spoken, { does: 'call' | 'begin_call' }>): Call {
  const text = step.does === 'call' ? JSON.stringify(step.arguments) : step.argumentsText;
  const id = `${step.does === 'call' ? WHOLE_CALL : HALF_CALL}${randomWord()}`;
  return { id, type: 'function', function: { name: step.name, arguments: text } };
}

function pieces(text: string): readonly string[] {
  return text.match(new RegExp(`[^]{1,${PIECE}}`, 'g')) ?? [];
}

function randomWord(): string {
  return crypto.randomUUID().replaceAll('-', '');
}

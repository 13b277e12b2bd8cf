// An engine for the tests of faults: a real server that speaks as vLLM does, is killed and comes back, and counts who left it.
import http, { type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';
import { systemClock } from '../../../src/base/clock.ts';
import { LIMITS, type Limits } from '../../../src/base/limits.ts';
import type { Backend } from '../../../src/contracts/ports.ts';
import { createOpenAIBackend } from '../../../src/backends/openai/backend.ts';
import { makeKillable } from '../killable.ts';

export interface Wanted {
  readonly model: string;
  readonly messages: readonly { readonly content: unknown }[];
}

/** Called with each request to the chat or the completions. */
export type Script = (say: Speech, wanted: Wanted) => void | Promise<void>;

export interface Speech {
  readonly response: ServerResponse;
  /** Headers and the first chunk. */
  begin(): void;
  /** Resolves when the connection can take more, or has gone. */
  text(text: string): Promise<void>;
  /** A fragment of one tool call. */
  call(fragment: { readonly id?: string; readonly name?: string; readonly arguments?: string }): void;
  /** Finish, usage and the farewell. */
  end(reason?: string): void;
}

export interface FaultyEngine {
  readonly url: string;
  asked(): number;
  /** Requests whose asker left before they were answered. */
  left(): number;
  /** Open connections. */
  sockets(): number;
  /** Every connection is reset, and nobody listens any more. */
  kill(): Promise<void>;
  /** Listens again at the same address. */
  revive(): Promise<void>;
}

export const USAGE = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };

export async function startFaultyEngine(context: TestContext, script: Script): Promise<FaultyEngine> {
  const count = { asked: 0, left: 0, killing: false };
  const server = http.createServer((request, response) => {
    response.on('error', () => {});
    response.once('close', () => {
      if (!response.writableFinished && !count.killing) count.left += 1;
    });
    void readText(request).then(
      (text) => {
        count.asked += 1;
        return script(speechOf(response), JSON.parse(text) as Wanted);
      },
      () => {},
    );
  });
  const killable = await makeKillable(server);
  const kill = async () => {
    count.killing = true;
    await killable.kill();
    count.killing = false;
  };
  context.after(kill);
  return {
    url: `http://127.0.0.1:${killable.port}/v1`,
    asked: () => count.asked,
    left: () => count.left,
    sockets: () => killable.sockets(),
    kill,
    revive: () => killable.revive(),
  };
}

/** The real backend in front of it. */
export function backendFor(name: string, { url }: Pick<FaultyEngine, 'url'>, limits: Limits = LIMITS): Backend {
  return createOpenAIBackend({ name, url, models: ['m', 'other'], limits, clock: systemClock });
}

async function readText(request: http.IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString('utf8');
}

function speechOf(response: ServerResponse): Speech {
  const send = (choices: readonly object[], more: object = {}) =>
    response.write(`data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', choices, ...more })}\n\n`);
  const delta = (given: object, finish: string | null = null) =>
    send([{ index: 0, delta: given, finish_reason: finish }]);
  const begin = () => {
    if (response.headersSent) return;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    delta({ role: 'assistant', content: '' });
  };
  return {
    response,
    begin,
    text: async (text) => {
      begin();
      if (!response.destroyed && !delta({ content: text })) await drained(response);
    },
    call: ({ id, ...given }) => {
      begin();
      delta({ tool_calls: [{ index: 0, ...(id === undefined ? {} : { id, type: 'function' }), function: given }] });
    },
    end: (reason = 'stop') => {
      begin();
      delta({}, reason);
      send([], { usage: USAGE });
      response.end('data: [DONE]\n\n');
    },
  };
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve).once('close', resolve);
  });
}

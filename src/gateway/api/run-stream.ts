// Owns the live stream of one run as server-sent events: durable events with their number, live notes without one. Knows no agent.
import type { FastifyReply } from 'fastify';
import type { RunRecord } from '../../contracts/runs.ts';
import { tailRun } from '../../runs/tail.ts';
import type { GatewayPorts } from '../ports.ts';
import { createSink, type Sink } from '../sink.ts';

interface Wish {
  readonly run: RunRecord;
  /** Number of the last event the client has. */
  readonly after: number;
  readonly ports: Pick<GatewayPorts, 'journal' | 'progress' | 'limits'>;
  readonly closing: AbortSignal;
}

const HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' };

/**
 * Ends behind the last event of a run that has ended; a client that has all of it gets 204, which tells browsers not to come again.
 * Events are read from the journal as fast as the client takes them: a slow one costs no memory, and is cut when it lags too far.
 */
export async function streamRun(reply: FastifyReply, { run, after, ports, closing }: Wish): Promise<FastifyReply> {
  const { journal, limits } = ports;
  if (run.state === 'ended' && (await journal.read(run.id, after, 1)).length === 0) return reply.code(204).send();
  const sink = createSink(reply, HEADERS, closing);
  const stops = [
    ports.progress(run.id, (note) => sink.offer(`event: progress\ndata: ${JSON.stringify(note)}\n\n`)),
    cutLaggard(sink, run.id, ports),
    keepAlive(sink, limits.sseKeepAliveMs),
  ];
  try {
    await sink.write(': the events of a run\n\n');
    for await (const event of tailRun(journal, run.id, after, sink.signal)) {
      await sink.write(`id: ${event.seq}\ndata: ${JSON.stringify(event)}\n\n`);
      if (sink.signal.aborted) break;
    }
    sink.end();
  } catch {
    sink.reset();
  } finally {
    for (const stop of stops) stop();
  }
  return reply;
}

/** Counts what happens while the client takes nothing. */
function cutLaggard(sink: Sink, run: string, { journal, limits }: Wish['ports']): () => void {
  let behind = 0;
  return journal.subscribe((events) => {
    if (!sink.blocked) behind = 0;
    else behind += events.filter((event) => event.chain === run).length;
    if (behind > limits.streamBacklog) sink.reset();
  });
}

function keepAlive(sink: Sink, everyMs: number): () => void {
  const timer = setInterval(() => sink.offer(': keep-alive\n\n'), everyMs);
  return () => clearInterval(timer);
}

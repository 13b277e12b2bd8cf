// Owns the way from a room to the journal of one run: chain, step, fault points around each append. Knows no event's meaning.
import type { Emit } from '../contracts/ports.ts';
import type { RunsPorts } from './ports.ts';

/** Appends to the chain of the run with the step it is at; resolves when durable. */
export function createEmit(run: string, step: () => number, ports: Pick<RunsPorts, 'journal' | 'faults'>): Emit {
  return async (events) => {
    const types = events.map((event) => event.body.type).join('+');
    ports.faults(`before:append:${types}`);
    await ports.journal.append(
      events.map(({ body, contents }) => ({
        chain: run,
        body,
        step: step(),
        ...(contents === undefined ? {} : { contents }),
      })),
    );
    ports.faults(`after:append:${types}`);
  };
}

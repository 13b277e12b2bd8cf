// Owns which contents belong to a run: those that its events name. A hash of another run opens nothing here. Knows no route.
import type { Journal } from '../../contracts/journal.ts';
import type { RunEvent } from '../../contracts/run-events.ts';

const PAGE = 500;
/** Runs whose hashes are remembered; who reads a run reads many of its contents. */
const REMEMBERED = 32;
const HASH = /^sha256:[0-9a-f]{64}$/;

interface Known {
  readonly hashes: Set<string>;
  after: number;
}

export interface Contents {
  /** Undefined if no event of the run names it, or if it was pruned. */
  read(run: string, hash: string): Promise<string | undefined>;
}

export function createContents(journal: Pick<Journal, 'read' | 'content'>): Contents {
  const runs = new Map<string, Known>();
  return {
    read: async (run, hash) => {
      if (!HASH.test(hash)) return undefined;
      const known = runs.get(run) ?? { hashes: new Set<string>(), after: 0 };
      runs.delete(run);
      runs.set(run, known);
      if (!known.hashes.has(hash)) await learn(journal, run, known);
      for (const oldest of runs.keys()) if (runs.size > REMEMBERED) runs.delete(oldest);
      return known.hashes.has(hash) ? journal.content(hash) : undefined;
    },
  };
}

async function learn(journal: Pick<Journal, 'read'>, run: string, known: Known): Promise<void> {
  for (;;) {
    const page = await journal.read(run, known.after, PAGE);
    for (const event of page) {
      for (const hash of hashesOf(event)) known.hashes.add(hash);
      known.after = Math.max(known.after, event.seq);
    }
    if (page.length < PAGE) return;
  }
}

function hashesOf({ body }: RunEvent): readonly string[] {
  return Object.entries(body).flatMap(([name, value]) =>
    name.endsWith('Hash') && typeof value === 'string' ? [value] : [],
  );
}

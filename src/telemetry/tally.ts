// Owns the counts that the service keeps of itself while it runs. Plain numbers: knows no format, imports nothing that costs.
import type { Journal } from '../contracts/journal.ts';
import type { EventBody, RunEvent } from '../contracts/run-events.ts';

export interface RequestCount {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly ms: number;
}

interface Tokens {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface Counts {
  /** `METHOD route status` → requests and the seconds they took. */
  readonly requests: ReadonlyMap<string, { readonly count: number; readonly seconds: number }>;
  /** Prompt and completion tokens, by who used them. */
  readonly tokens: { readonly client: Tokens; readonly run: Tokens };
  /** How runs ended → how many. */
  readonly runs: ReadonlyMap<string, number>;
  /** Event type → how many. */
  readonly events: ReadonlyMap<string, number>;
  readonly openSandboxes: number;
  /** What was mended of requests → how often. */
  readonly mended: ReadonlyMap<string, number>;
  /** What was repaired of answers, or refused in them → how often; of clients and of runs. */
  readonly repairs: ReadonlyMap<string, number>;
}

export interface Tally {
  request(request: RequestCount): void;
  /** Of a client of the gateway; tokens of runs are counted from the journal. */
  tokens(usage: Tokens): void;
  /** `kind`: from a closed list. */
  mended(kind: string): void;
  /** Of an answer to a client of the gateway. `kind`: from a closed list; those of runs are counted from the journal. */
  repaired(kind: string): void;
  counts(): Counts;
  close(): void;
}

/** Labels that may exist at most; a mistake must not fill the memory. */
const MOST_LABELS = 2000;

export function createTally({ journal }: { readonly journal: Pick<Journal, 'subscribe'> }): Tally {
  const requests = new Map<string, { count: number; seconds: number }>();
  const client = { promptTokens: 0, completionTokens: 0 };
  const run = { promptTokens: 0, completionTokens: 0 };
  const runs = new Map<string, number>();
  const events = new Map<string, number>();
  const mended = new Map<string, number>();
  const repairs = new Map<string, number>();
  const sandboxes = { open: 0 };
  const hear = (heard: readonly RunEvent[]) => {
    for (const { body } of heard) {
      bump(events, body.type);
      if (body.type === 'run_ended') bump(runs, body.end);
      if (body.type === 'model_answered' && body.usage !== undefined) add(run, body.usage);
      if (body.type === 'model_answered')
        for (const [kind, times] of Object.entries(body.repairs ?? {})) bump(repairs, kind, times);
      sandboxes.open = Math.max(0, sandboxes.open + sandboxChange(body));
    }
  };
  const close = journal.subscribe(hear);
  return {
    request: ({ method, route, status, ms }) => {
      const label = `${method} ${route} ${status}`;
      const entry = requests.get(label) ?? { count: 0, seconds: 0 };
      entry.count += 1;
      entry.seconds += ms / 1000;
      if (requests.size < MOST_LABELS) requests.set(label, entry);
    },
    tokens: (usage) => add(client, usage),
    mended: (kind) => bump(mended, kind),
    repaired: (kind) => bump(repairs, kind),
    counts: () => ({ requests, tokens: { client, run }, runs, events, openSandboxes: sandboxes.open, mended, repairs }),
    close,
  };
}

function sandboxChange(body: EventBody): number {
  if (body.type === 'sandbox_opened') return 1;
  return body.type === 'processes_killed' ? -1 : 0;
}

function add(sum: { promptTokens: number; completionTokens: number }, more: Tokens): void {
  sum.promptTokens += more.promptTokens;
  sum.completionTokens += more.completionTokens;
}

function bump(counts: Map<string, number>, label: string, times = 1): void {
  counts.set(label, (counts.get(label) ?? 0) + times);
}

// Owns what was asked of the network during a call: told to the journal in events and to the model in sentences. Judges nothing.
import type { EgressRecord } from '../contracts/egress.ts';
import type { EmitEvent } from '../contracts/ports.ts';
import type { EventOf } from '../contracts/run-events.ts';
import type { ToolResult } from '../contracts/tools.ts';
import { takeHead } from './result-text.ts';

const MOST_SENTENCES = 5;
const NOTE_BYTES = 2000;
const PATH_CHARACTERS = 500;
/** With more kinds of requests than that, those of one host, method and verdict are one. */
const MOST_KINDS = 50;

/** In the order of their first; alike ones are one. */
export function egressEvents(call: string, records: readonly EgressRecord[]): readonly EmitEvent[] {
  const kinds = joined(records, ({ path }) => path.slice(0, PATH_CHARACTERS));
  const few = kinds.length <= MOST_KINDS ? kinds : joined(records, () => '');
  return few.map((record) => ({ body: eventBody(call, record) }));
}

/** The result with one sentence for each thing that was refused, within `maxBytes`. */
export function withNetworkNote(result: ToolResult, records: readonly EgressRecord[], maxBytes: number): ToolResult {
  const said = [...new Set(records.filter(({ outcome }) => outcome !== 'allowed').map((record) => record.said))];
  if (said.length === 0) return result;
  const more = said.length > MOST_SENTENCES ? [`- and ${said.length - MOST_SENTENCES} more like these`] : [];
  const lines = ['network:', ...said.slice(0, MOST_SENTENCES).map((sentence) => `- ${sentence}`), ...more];
  const note = takeHead(lines.join('\n'), Math.min(NOTE_BYTES, maxBytes));
  const head = takeHead(result.output, Math.max(0, maxBytes - Buffer.byteLength(note) - 2));
  return { ...result, output: `${head}${head.endsWith('\n') ? '\n' : '\n\n'}${note}` };
}

function joined(records: readonly EgressRecord[], pathOf: (record: EgressRecord) => string): readonly EgressRecord[] {
  const kinds = new Map<string, EgressRecord>();
  for (const record of records) {
    const { outcome, rule, grant = '', host, port, scheme, method, secrets = [] } = record;
    const path = pathOf(record);
    const key = JSON.stringify([outcome, rule, grant, host, port, scheme, method, path, secrets]);
    const before = kinds.get(key);
    kinds.set(key, before === undefined ? { ...record, path } : both(before, record));
  }
  return [...kinds.values()];
}

function both(before: EgressRecord, record: EgressRecord): EgressRecord {
  return {
    ...before,
    times: (before.times ?? 1) + (record.times ?? 1),
    sentBytes: before.sentBytes + record.sentBytes,
    receivedBytes: before.receivedBytes + record.receivedBytes,
  };
}

function eventBody(call: string, record: EgressRecord): EventOf<'egress_allowed'> | EventOf<'egress_denied'> {
  const { outcome, rule, grant, host, port, scheme, method, path, said, secrets, times = 1 } = record;
  const { sentBytes, receivedBytes } = record;
  const who = { call, rule, ...(grant === undefined ? {} : { grant }) };
  const what = { host, port, scheme, method, path, times };
  if (outcome !== 'allowed') return { type: 'egress_denied', ...who, ...what, outcome, said };
  const used = secrets === undefined ? {} : { secrets: [...secrets] };
  return { type: 'egress_allowed', ...who, ...what, sentBytes, receivedBytes, ...used };
}

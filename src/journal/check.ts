// Owns the checking of a whole journal on one connection: every row, every link, every content, every end. Knows no thread.
import { sha256 } from '../base/hash.ts';
import type { BadEvent, JournalVerdict } from '../contracts/journal.ts';
import { EVENT_VERSION, SERVICE_CHAIN } from '../contracts/run-events.ts';
import type { Db } from '../store/connection.ts';
import { type ContentRow, contentRows, isStored, sealOf } from '../store/contents.ts';
import { chainNames, chainRows, type EventRow } from '../store/events.ts';
import { chainStart, linkHash, namedHashes, parseBody } from './format.ts';
import { deriveKey, type HeadReading } from './head.ts';

/** Where somebody holds that an event lies. */
interface Mark {
  readonly count: number;
  readonly hash: string;
  /** Who says so. */
  readonly by: string;
}

interface Findings {
  readonly db: Db;
  first: BadEvent | undefined;
  bad: number;
  events: number;
  prunedContents: number;
  readonly changedContents: Set<string>;
  /** By chain: the mark of the head, if it has one, and then those of the seals. */
  readonly marks: Map<string, Mark[]>;
  /** Chains of the head, whose end no seal overrules. */
  readonly open: ReadonlySet<string>;
  /** Last place of each chain that is there. */
  readonly found: Map<string, number>;
}

/** Reads everything once, in a transaction of the caller, a few rows at a time in memory. Never throws for what is stored. */
export function checkJournal(db: Db, reading: HeadReading, key: Uint8Array | undefined): JournalVerdict {
  const heads = reading.state === 'read' ? reading.head.chains : [];
  const findings: Findings = {
    db,
    first: undefined,
    bad: 0,
    events: 0,
    prunedContents: 0,
    changedContents: new Set(),
    marks: new Map(heads.map(([chain, count, hash]) => [chain, [{ count, hash, by: 'the head' }]])),
    open: new Set(heads.map(([chain]) => chain)),
    found: new Map(),
  };
  guarded(findings, 'contents', () => checkContents(findings, key));
  for (const chain of chainsInOrder(findings)) guarded(findings, chain, () => checkChain(findings, chain));
  const { first, bad, events, prunedContents } = findings;
  return {
    events,
    chains: findings.found.size,
    integrity: first === undefined ? { ok: true } : { ok: false, first, bad },
    completeness: judgeEnds(findings, reading),
    prunedContents,
  };
}

/** A database that SQLite cannot read any more is a finding, not an accident. */
function guarded(findings: Findings, chain: string, step: () => void): void {
  try {
    step();
  } catch (error) {
    const seq = (findings.found.get(chain) ?? 0) + 1;
    report(findings, { chain, seq, problem: `cannot be read: ${(error as Error).message}` });
  }
}

/** The service's chain first: it holds the seals of the others. */
function chainsInOrder(findings: Findings): readonly string[] {
  const names: string[] = [];
  guarded(findings, SERVICE_CHAIN, () => {
    for (const name of chainNames(findings.db)) if (name !== SERVICE_CHAIN) names.push(name);
  });
  return [SERVICE_CHAIN, ...names];
}

function checkContents(findings: Findings, key: Uint8Array | undefined): void {
  const sealKey = key === undefined ? undefined : deriveKey(key, 'contents');
  for (const row of contentRows(findings.db)) {
    if (row.kept === 'pruned') findings.prunedContents += 1;
    if (isTrue(row, sealKey)) continue;
    findings.changedContents.add(row.hash);
    report(findings, { chain: 'contents', seq: 0, problem: `the content ${row.hash} was changed` });
  }
}

function isTrue(row: ContentRow, sealKey: string | undefined): boolean {
  if (row.kept === 'whole')
    return row.seal === '' && row.bytes === row.content.length && sha256(row.content) === row.hash;
  return sealKey === undefined || row.seal === sealOf(row, sealKey);
}

function checkChain(findings: Findings, chain: string): void {
  let last: Pick<EventRow, 'seq' | 'hash'> = { seq: 0, hash: chainStart(chain) };
  for (const row of chainRows(findings.db, chain)) {
    findings.events += 1;
    findings.found.set(chain, row.seq);
    const problem = problemOf(findings, row, last);
    if (problem !== undefined) report(findings, { chain, seq: row.seq, problem });
    last = row;
  }
}

/** The first thing that is wrong with the row after `last`; takes note of a seal. */
function problemOf(findings: Findings, row: EventRow, last: Pick<EventRow, 'seq' | 'hash'>): string | undefined {
  if (row.seq !== last.seq + 1) return `event ${last.seq + 1} is missing before it`;
  if (row.previous !== last.hash)
    return last.seq === 0 ? 'it does not start its chain' : `it does not follow event ${last.seq}`;
  if (row.hash !== linkHash(row)) return 'it was changed: its hash is not the one of its fields';
  if (row.v !== EVENT_VERSION) return `its version ${row.v} is unknown`;
  const mark = findings.marks.get(row.chain)?.find(({ count, hash }) => count === row.seq && hash !== row.hash);
  if (mark !== undefined) return `it is not the event that ${mark.by} holds`;
  const body = parseBody(row.body);
  if (body === undefined) return 'its body is no object';
  return takeSeal(findings, row, body) ?? problemOfContents(findings, body);
}

/** What a seal holds is compared when the run's chain is read, so that the event that was changed is the one that is named. */
function takeSeal(findings: Findings, row: EventRow, body: Readonly<Record<string, unknown>>): string | undefined {
  const { type, run, count, hash } = body;
  if (row.chain !== SERVICE_CHAIN || type !== 'run_sealed') return undefined;
  if (typeof run !== 'string' || typeof count !== 'number' || typeof hash !== 'string') return 'its seal is malformed';
  const marks = findings.marks.get(run) ?? [];
  marks.push({ count, hash, by: `its seal (${SERVICE_CHAIN}#${row.seq})` });
  findings.marks.set(run, marks);
  return undefined;
}

function problemOfContents(findings: Findings, body: Readonly<Record<string, unknown>>): string | undefined {
  for (const hash of namedHashes(body)) {
    if (findings.changedContents.has(hash)) return `the content ${hash} that it names was changed`;
    if (!isStored(findings.db, hash)) return `the content ${hash} that it names is missing`;
  }
  return undefined;
}

/** The first bad event is the first in its chain's order; a changed content is told by the event that names it, if one does. */
function report(findings: Findings, event: BadEvent): void {
  findings.bad += 1;
  if (findings.first === undefined || findings.first.chain === 'contents') findings.first = event;
}

function judgeEnds(findings: Findings, reading: HeadReading): JournalVerdict['completeness'] {
  const cut = firstCut(findings);
  if (reading.state !== 'read') {
    const more =
      cut === undefined ? '' : `; the end of ${cut.chain} is missing: ${cut.found} of ${cut.expected} events`;
    return { state: reading.state, detail: `${reading.detail}${more}` };
  }
  if (cut !== undefined) return { state: 'cut', ...cut };
  const ahead = [...findings.found].reduce((sum, [chain, seq]) => sum + seq - endOf(findings, chain), 0);
  return ahead > 0 ? { state: 'crashed_before_head', ahead } : { state: 'complete' };
}

function firstCut(findings: Findings): { chain: string; expected: number; found: number } | undefined {
  for (const chain of findings.marks.keys()) {
    const expected = endOf(findings, chain);
    const found = findings.found.get(chain) ?? 0;
    if (found < expected) return { chain, expected, found };
  }
  return undefined;
}

/** How many events the chain must have. */
function endOf({ marks, open }: Findings, chain: string): number {
  const held = marks.get(chain);
  return (open.has(chain) ? held?.[0] : held?.at(-1))?.count ?? 0;
}

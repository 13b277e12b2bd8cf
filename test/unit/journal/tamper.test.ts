// Every change of a stored journal is found: hundreds of random ones, each on the same journal, each undone after its verdict.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Database, { type Statement } from 'better-sqlite3';
import type { JournalVerdict } from '../../../src/contracts/journal.ts';
import { checkJournal } from '../../../src/journal/check.ts';
import { chainStart, linkHash, linkRow } from '../../../src/journal/format.ts';
import { readHead } from '../../../src/journal/head.ts';
import type { EventRow } from '../../../src/store/events.ts';
import { fillScene, inDirectory, openScene } from './scene.ts';

type Place = readonly [chain: string, seq: number];

interface Evidence {
  readonly db: Database.Database;
  readonly statements: Map<string, Statement>;
  readonly head: string;
  readonly key: Uint8Array;
}

const SEED = 20_251_125;
const ROUNDS = 400;
const TEXT_COLUMNS = ['id', 'chain', 'parent', 'body', 'previous', 'hash'] as const;
const NUMBER_COLUMNS = ['v', 'seq', 'step', 'time'] as const;
const ALL = 'v, id, chain, seq, step, time, parent, body, previous, hash';

let evidence: Evidence;
let release: () => void;
let finished: Promise<void>;

before(async () => {
  await new Promise<void>((ready, failed) => {
    finished = inDirectory(async (directory) => {
      const scene = await openScene(directory);
      await fillScene(scene);
      await scene.close();
      const db = new Database(join(directory, 'caisson.db'));
      // Whoever changes rows can change the index too: then two rows may claim one place.
      db.exec('DROP INDEX events_place; CREATE INDEX events_place ON events (chain, seq)');
      evidence = { db, statements: new Map(), head: readFileSync(scene.headFile, 'utf8'), key: scene.key };
      await new Promise<void>((resolve) => {
        release = resolve;
        ready();
      });
      db.close();
    });
    finished.catch(failed);
  });
});

after(async () => {
  release();
  await finished;
});

test('the journal before any change is whole', () => {
  assert.deepEqual(
    verdictAfter(() => {}),
    {
      events: 35,
      chains: 5,
      integrity: { ok: true },
      completeness: { state: 'complete' },
      prunedContents: 1,
    },
  );
});

test('a changed text column of any row is found, and the row is named', () => {
  forRounds((random) => {
    const row = pick(random, rows());
    const column = pick(random, TEXT_COLUMNS);
    const value = changeText(random, row[column]);
    const verdict = verdictAfter(() => update(row, column, value));
    assertNames(verdict, row, `${column} of ${row.chain}#${row.seq}: ${row[column]} → ${value}`, column === 'chain');
  });
});

test('a changed number column of any row is found, and the row is named', () => {
  forRounds((random) => {
    const row = pick(random, rows());
    const column = pick(random, NUMBER_COLUMNS);
    const value = row[column] + pick(random, [-2, -1, 1, 2, 1000]);
    const verdict = verdictAfter(() => update(row, column, value));
    assertNames(verdict, row, `${column} of ${row.chain}#${row.seq} → ${value}`, column === 'seq');
  });
});

test('a body that means the same but is written otherwise is found', () => {
  for (const row of rows()) {
    for (const body of [` ${row.body}`, row.body.replace(',', ', '), JSON.stringify(JSON.parse(row.body), null, 1)])
      assertNames(
        verdictAfter(() => update(row, 'body', body)),
        row,
        body,
      );
    const doubled = row.body.replace('{', '{"type":"halted",');
    assertNames(
      verdictAfter(() => update(row, 'body', doubled)),
      row,
      doubled,
    );
  }
});

test('any removed row is found: as a gap, or as a missing end', () => {
  for (const row of rows()) {
    const verdict = verdictAfter(() => remove(row));
    const isLast = rows().filter((other) => other.chain === row.chain).length === row.seq;
    if (isLast) assertCut(verdict, row.chain, row.seq, row.seq - 1);
    else assert.deepEqual(firstOf(verdict), [row.chain, row.seq + 1], `${row.chain}#${row.seq}`);
  }
});

test('a cut tail of any length, up to the whole chain, is found in every chain', () => {
  for (const chain of ['run_a', 'run_b', 'run_c', 'run_d', 'service']) {
    const events = rows().filter((row) => row.chain === chain);
    for (let kept = 0; kept < events.length; kept += 1) {
      const verdict = verdictAfter(() => events.slice(kept).forEach(remove));
      assertCut(verdict, chain, events.length, kept);
      assert.deepEqual(verdict.integrity, { ok: true });
    }
  }
});

test('two swapped rows are found, wherever they stand', () => {
  forRounds((random) => {
    const [left, right] = [pick(random, rows()), pick(random, rows())];
    if (left.hash === right.hash) return;
    const verdict = verdictAfter(() => {
      update(left, 'seq', -1);
      move(right, left);
      move({ ...left, seq: -1 }, right);
    });
    assertFound(verdict, `${left.chain}#${left.seq} ↔ ${right.chain}#${right.seq}`);
  });
});

test('a value swapped between two rows is found', () => {
  forRounds((random) => {
    const [left, right] = [pick(random, rows()), pick(random, rows())];
    const column = pick(random, [...TEXT_COLUMNS, ...NUMBER_COLUMNS]);
    if (left[column] === right[column]) return;
    const verdict = verdictAfter(() => {
      update(left, column, right[column], left.id);
      update(right, column, left[column], right.id);
    });
    assertFound(verdict, `${column} of ${left.chain}#${left.seq} ↔ ${right.chain}#${right.seq}`);
  });
});

test('a row stored twice is found, in its place and at the end', () => {
  for (const row of rows()) {
    assertFound(
      verdictAfter(() => insert(row)),
      `${row.chain}#${row.seq} twice`,
    );
    const end = rows().filter((other) => other.chain === row.chain).length;
    assertFound(
      verdictAfter(() => insert({ ...row, seq: end + 1 })),
      `${row.chain}#${row.seq} again at the end`,
    );
  }
});

test('a well-linked row of a forger at the end of a chain, or in a new one, is not called complete', () => {
  for (const chain of ['run_a', 'run_b', 'run_c', 'run_d', 'service', 'run_e', '']) {
    const last = rows().findLast((row) => row.chain === chain);
    const [template] = rows();
    assert.ok(template !== undefined);
    const forged = linkRow({ ...template, chain }, { count: last?.seq ?? 0, hash: last?.hash ?? chainStart(chain) });
    const { completeness } = verdictAfter(() => insert(forged));
    assert.deepEqual(completeness, { state: 'crashed_before_head', ahead: 1 }, chain);
  }
});

test('a chain that a forger changed and hashed anew to its end is found by the head or the seal', () => {
  for (const row of rows()) {
    const verdict = verdictAfter(() => rehash(row.chain, row.seq));
    assertFound(verdict, `rehashed from ${row.chain}#${row.seq}`);
    assert.equal(verdict.integrity.ok, false);
  }
});

test('any change of a content is found, by the event that names it', () => {
  const contents = evidence.db.prepare('SELECT hash, bytes, kept FROM contents').all() as {
    hash: string;
    bytes: number;
    kept: string;
  }[];
  const changes = [
    `content = CAST('forged' AS BLOB)`,
    "content = CAST(content || x'00' AS BLOB)",
    'bytes = bytes + 1',
    `hash = 'sha256:${'0'.repeat(64)}'`,
    `seal = seal || '0'`,
    `kept = CASE kept WHEN 'whole' THEN 'pruned' ELSE 'whole' END`,
    `kept = 'cut'`,
    `kept = CASE kept WHEN 'whole' THEN 'pruned' ELSE 'cut' END, content = x''`,
  ];
  for (const { hash } of contents) {
    const naming = rows().find((row) => row.body.includes(hash));
    assert.ok(naming !== undefined);
    for (const change of changes) {
      const verdict = verdictAfter(() => evidence.db.exec(`UPDATE contents SET ${change} WHERE hash = '${hash}'`));
      assertNames(verdict, naming, change);
    }
    const gone = verdictAfter(() => evidence.db.exec(`DELETE FROM contents WHERE hash = '${hash}'`));
    assertNames(gone, naming, 'removed');
  }
});

test('a content that no event names and that does not match its hash is found', () => {
  const insertContent = `INSERT INTO contents VALUES ('sha256:${'1'.repeat(64)}', 1, 'whole', x'41', '')`;
  assertFound(
    verdictAfter(() => evidence.db.exec(insertContent)),
    'planted content',
  );
});

test('a head that was changed in any character, emptied, or written with another key is forged', () => {
  const { head, key } = evidence;
  forRounds((random) => {
    const at = Math.floor(random() * (head.length - 1));
    const forged = head.slice(0, at) + (head[at] === '1' ? '2' : '1') + head.slice(at + 1);
    assert.equal(verdictAfter(() => {}, forged).completeness.state, 'head_forged', forged);
  });
  for (const forged of ['', '{}', 'null', '[]', head.replace(/\["run_d".*?\],?/, '')])
    assert.equal(verdictAfter(() => {}, forged).completeness.state, 'head_forged', forged);
  const other = Uint8Array.from(key, (byte) => byte ^ 1);
  assert.equal(check(head, other).completeness.state, 'head_forged');
});

test('without a head or a key the end cannot be proven, and the seals still tell a cut', () => {
  assert.deepEqual(check(undefined, evidence.key).completeness, {
    state: 'head_missing',
    detail: 'journal.head is missing',
  });
  assert.deepEqual(check(evidence.head, undefined).completeness, {
    state: 'key_missing',
    detail: 'without the key, journal.head proves nothing',
  });
  const last = rows().findLast((row) => row.chain === 'run_a');
  assert.ok(last !== undefined);
  inUndone(() => {
    remove(last);
    assert.deepEqual(check(undefined, evidence.key).completeness, {
      state: 'head_missing',
      detail: 'journal.head is missing; the end of run_a is missing: 5 of 6 events',
    });
  });
});

function verdictAfter(change: () => void, head: string = evidence.head): JournalVerdict {
  return inUndone(() => {
    change();
    return check(head, evidence.key);
  });
}

function check(head: string | undefined, key: Uint8Array | undefined): JournalVerdict {
  return checkJournal({ prepare: preparedOnce }, readHead(head, key), key);
}

function preparedOnce<Row>(sql: string): Statement<unknown[], Row> {
  const statement = evidence.statements.get(sql) ?? evidence.db.prepare(sql);
  evidence.statements.set(sql, statement);
  return statement as Statement<unknown[], Row>;
}

function inUndone<Value>(step: () => Value): Value {
  evidence.db.exec('BEGIN');
  try {
    return step();
  } finally {
    evidence.db.exec('ROLLBACK');
  }
}

function rows(): readonly EventRow[] {
  return evidence.db.prepare<unknown[], EventRow>(`SELECT ${ALL} FROM events ORDER BY rowid`).all();
}

function update(row: EventRow, column: string, value: string | number, id: string = row.id): void {
  evidence.db
    .prepare(`UPDATE events SET ${column} = ? WHERE chain = ? AND seq = ? AND id = ?`)
    .run(value, row.chain, row.seq, id);
}

function move(row: EventRow, to: EventRow): void {
  evidence.db.prepare('UPDATE events SET chain = ?, seq = ? WHERE id = ?').run(to.chain, to.seq, row.id);
}

function remove(row: EventRow): void {
  evidence.db.prepare('DELETE FROM events WHERE chain = ? AND seq = ?').run(row.chain, row.seq);
}

function insert(row: EventRow): void {
  evidence.db
    .prepare(
      `INSERT INTO events (${ALL}) VALUES (:v, :id, :chain, :seq, :step, :time, :parent, :body, :previous, :hash)`,
    )
    .run(row);
}

/** Changes the step of the event and makes every hash after it right again. */
function rehash(chain: string, from: number): void {
  let previous = '';
  for (const row of rows().filter((each) => each.chain === chain && each.seq >= from)) {
    const changed = row.seq === from ? { ...row, step: row.step + 1 } : { ...row, previous };
    previous = linkHash(changed);
    remove(row);
    insert({ ...changed, hash: previous });
  }
}

function assertFound({ integrity, completeness }: JournalVerdict, what: string): void {
  assert.ok(!integrity.ok || completeness.state !== 'complete', `not found: ${what}`);
}

/** `moved`: the row is gone from its place, so the one after it is named, or the end is missing, or it is bad where it is now. */
function assertNames(verdict: JournalVerdict, row: EventRow, what: string, moved = false): void {
  assertFound(verdict, what);
  if (moved) return;
  assert.deepEqual(firstOf(verdict), [row.chain, row.seq], what);
}

function assertCut({ completeness }: JournalVerdict, chain: string, expected: number, found: number): void {
  assert.deepEqual(completeness, { state: 'cut', chain, expected, found });
}

function firstOf({ integrity }: JournalVerdict): Place | undefined {
  return integrity.ok ? undefined : [integrity.first.chain, integrity.first.seq];
}

function changeText(random: () => number, text: string): string {
  const at = Math.floor(random() * text.length);
  const character = text[at] === 'x' ? 'y' : 'x';
  const changed = [
    text.slice(0, at) + character + text.slice(at + 1),
    text.slice(0, at) + text.slice(at + 1),
    `${text}x`,
    '',
  ];
  const value = pick(random, changed);
  return value === text ? 'x' : value;
}

function forRounds(round: (random: () => number) => void): void {
  const random = seeded(SEED);
  for (let index = 0; index < ROUNDS; index += 1) round(random);
}

function pick<Item>(random: () => number, items: readonly Item[]): Item {
  const item = items[Math.floor(random() * items.length)];
  assert.ok(item !== undefined);
  return item;
}

/** The same numbers for the same seed, so that a failure can be repeated. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

// Owns the process that a fault test kills: it takes up what an earlier one left, tells what came of it, and does one thing more.
import { writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { type FaultPoint, killAt } from '../../src/base/faults.ts';
import type { JournalVerdict } from '../../src/contracts/journal.ts';
import type { RunEvent } from '../../src/contracts/run-events.ts';
import type { RunEnd } from '../../src/contracts/runs.ts';
import { applyPatch } from '../../src/publish/apply.ts';
import {
  bash,
  configOf,
  finish,
  type Leftovers,
  leftoversOf,
  openAt,
  OWNER,
  scriptOf,
  type TestHouse,
  verdictOf,
} from './house.ts';

/** The last run of the data directory, after everything has ended. */
export interface RunFacts {
  readonly id: string;
  readonly end: RunEnd | undefined;
  readonly types: readonly string[];
  /** How often the one call of the script was started, and how often its effect is in the patch. */
  readonly started: number;
  readonly finished: number;
  readonly effects: number;
}

export type Said =
  | {
      readonly say: 'recovered';
      readonly run: RunFacts | undefined;
      readonly left: Leftovers;
      readonly verdict: JournalVerdict;
    }
  | { readonly say: 'armed' }
  | { readonly say: 'killed'; readonly place: string }
  /** `questions`: how often a person was asked about this ref in all. */
  | { readonly say: 'applied'; readonly commit: string; readonly ref: string; readonly questions: number }
  | { readonly say: 'done'; readonly places: readonly string[] };

export interface Order {
  readonly dataDir: string;
  /** `resume` takes runs up again, `end` ends them. */
  readonly mode: 'resume' | 'end';
  /** What comes after the recovery. */
  readonly next: 'nothing' | 'work' | 'apply';
  readonly repo: string;
  /** Fault points of what comes then (or, if `early`, from the opening on); at this one the process is killed. 0: never. */
  readonly killAt: number;
  /** Or at the first one of that name; '' for none. */
  readonly killIn: string;
  readonly early: boolean;
  /** For `apply`: the refs to make one after the other; only the last one is killed. */
  readonly refs: readonly string[];
}

/** A claim whose outcome a death made unknown has to be made again. */
const CLAIM = finish('', 'Counted.');
const SCRIPT = scriptOf([bash('echo x >> count.txt'), CLAIM, CLAIM]);

async function main(order: Order): Promise<void> {
  const places: string[] = [];
  const plan = killAt(order.killAt, (count, place) => {
    places.push(place);
    if (count !== order.killAt && place !== order.killIn) return;
    say({ say: 'killed', place });
    process.kill(process.pid, 'SIGKILL');
  });
  const armed = { now: order.early };
  const faults: FaultPoint = (place) => {
    if (armed.now) plan(place);
  };
  const host = order.mode === 'end' ? 'cli' : 'service';
  const house = await openAt(await configOf(order.dataDir), { script: SCRIPT, host, faults });
  say({ say: 'recovered', ...(await settled(house, order.dataDir)) });
  const arm = () => {
    // A killed process keeps no cache by itself, and the next one would compile everything again.
    flushCompileCache();
    armed.now = true;
    say({ say: 'armed' });
  };
  if (order.next === 'work') {
    arm();
    await house.work(order.repo);
  }
  if (order.next === 'apply') await applyAll(house, order, arm);
  armed.now = false;
  await house.close('the child is done');
  say({ say: 'done', places });
}

async function settled(house: TestHouse, dataDir: string) {
  const runs = await house.runs.list({ limit: 1000 });
  await Promise.all(runs.map(({ id }) => house.runs.ended(id)));
  const [last] = runs;
  const run = last === undefined ? undefined : await factsOf(house, last.id);
  return { run, left: await leftoversOf(house.config), verdict: await verdictOf(dataDir) };
}

async function factsOf(house: TestHouse, id: string): Promise<RunFacts> {
  const [record, events, patch] = await Promise.all([
    house.runs.get(id),
    house.events(id),
    house.runs.patch(id).catch(() => undefined),
  ]);
  const count = (type: RunEvent['body']['type']) =>
    events.filter(({ body }) => body.type === type && 'tool' in body && body.tool === 'bash').length;
  return {
    id,
    end: record?.end,
    types: events.map(({ body }) => body.type),
    started: count('tool_started'),
    finished: count('tool_finished'),
    effects: (patch?.text.match(/^\+x$/gm) ?? []).length,
  };
}

async function applyAll(house: TestHouse, order: Order, arm: () => void): Promise<void> {
  const [run] = await house.runs.list({ limit: 1 });
  if (run === undefined) throw new Error('there is no run to apply');
  for (const ref of order.refs) {
    if (ref === order.refs.at(-1)) arm();
    const wish = { ref, remote: 'local' };
    let answer = await house.runs.apply(run.id, wish, OWNER);
    if (answer.state === 'waiting') {
      const { id: question, shown } = answer.question;
      await house.approvals.answer(question, { verdict: 'approve', by: 'a reviewer', shown, note: '' });
      answer = await house.runs.apply(run.id, wish, OWNER);
    }
    if (answer.state !== 'granted') throw new Error(`the apply of ${ref} is ${answer.state}`);
    const { commit, base } = await applyPatch({ ...answer, repo: order.repo, ref });
    await house.runs.applied(run.id, { ok: true, ref, commit, base });
    const all = await house.approvals.list({ run: run.id });
    const questions = all.filter(({ effect }) => effect.type === 'publish' && effect.ref === ref).length;
    say({ say: 'applied', commit, ref, questions });
  }
}

/** At once: nothing may be lost when the process is killed next. */
function say(line: Said): void {
  writeSync(1, `${JSON.stringify(line)}\n`);
}

const [text] = process.argv.slice(2);
if (text !== undefined) await main(JSON.parse(text) as Order);

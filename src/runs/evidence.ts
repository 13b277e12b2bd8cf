// Owns the judgement of a claim to be done: kill what lives, make the patch, run the checks on base + patch. Knows no model.
import { canonicalJson } from '../base/json.ts';
import { sha256 } from '../base/hash.ts';
import type { ClaimVerdict, Emit } from '../contracts/ports.ts';
import type { Check, CheckOutcome } from '../contracts/runs.ts';
import type { Patch, WorkspacePaths } from '../contracts/workspace.ts';
import { makePatch } from '../workspace/patch.ts';
import { type CheckJob, runChecks } from './checks.ts';
import { reportLeaks } from './leaks.ts';
import type { RunsPorts } from './ports.ts';
import type { RunSandbox } from './run-sandbox.ts';

export interface Evidence extends ClaimVerdict {
  readonly patch: Patch;
  readonly checks: readonly CheckOutcome[];
}

export interface EvidenceJob {
  readonly run: string;
  readonly paths: WorkspacePaths;
  readonly baseTree: string;
  readonly checks: readonly Check[];
  readonly furnish?: CheckJob['furnish'];
}

/** What the live shell said counts for nothing here: only the content of the files is taken over. */
export async function gatherEvidence(
  job: EvidenceJob,
  sandbox: RunSandbox,
  ports: RunsPorts,
  emit: Emit,
  signal: AbortSignal,
): Promise<Evidence> {
  await sandbox.close();
  const patch = await takePatch(job, ports, emit);
  const { run, checks, paths, furnish } = job;
  const outcomes = await runChecks(
    { run, checks, on: 'patch', git: paths.git, tree: patch.resultTree, root: paths.root, furnish },
    ports,
    emit,
    signal,
  );
  const red = outcomes.filter((outcome) => outcome.status !== 'passed');
  return { patch, checks: outcomes, passed: red.length === 0, report: reportFor(red, ports.limits.toolResultBytes) };
}

/** The patch by content; every process of the run must be dead. */
export async function takePatch(
  job: Pick<EvidenceJob, 'paths' | 'baseTree'>,
  ports: RunsPorts,
  emit: Emit,
): Promise<Patch> {
  const patch = await makePatch({
    paths: job.paths,
    baseTree: job.baseTree,
    limits: ports.limits,
    isProtected: ports.isProtected,
  });
  const files = canonicalJson({
    files: patch.files,
    sensitivePaths: patch.sensitivePaths,
    secrets: patch.secrets.map((place) => ({ ...place })),
  });
  await emit([
    {
      body: {
        type: 'patch_made',
        patchHash: patch.hash,
        baseTree: patch.baseTree,
        resultTree: patch.resultTree,
        filesHash: sha256(files),
        files: patch.files.length,
      },
      contents: [patch.text, files],
    },
  ]);
  await reportLeaks('patch', patch.secrets, emit);
  return patch;
}

function reportFor(red: readonly CheckOutcome[], bytes: number): string {
  if (red.length === 0) return '';
  const intro =
    'refused: the declared checks ran on a fresh checkout of your changes and are not green. ' +
    'Nothing your commands left outside of the files of the repository counts.';
  const room = Math.floor((bytes - intro.length - 200) / red.length);
  return [intro, ...red.map((outcome) => checkReport(outcome, room))].join('\n\n');
}

function checkReport(outcome: CheckOutcome, room: number): string {
  const status = outcome.exitCode === undefined ? outcome.status : `exit status: ${outcome.exitCode}`;
  const head = `Check "${outcome.name}" (${outcome.command})\n${status}\n`;
  const text = outcome.output;
  const free = Math.max(200, room - head.length);
  if (text.length <= free) return head + text;
  const half = Math.floor(free / 2) - 20;
  return `${head}${text.slice(0, half)}\n[… ${text.length - 2 * half} characters left out]\n${text.slice(-half)}`;
}

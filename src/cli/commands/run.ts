// Owns `caisson run`: pack the repository, start the run, follow it to its end, apply if wished. Knows no transport.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CaissonError } from '../../base/errors.ts';
import type { Check, RunRecord, RunRequest } from '../../contracts/runs.ts';
import type { PackedRepository } from '../../contracts/workspace.ts';
import type { LoadedConfig } from '../../config/load.ts';
import { fetchRemote } from '../../offline.ts';
import { PACK_PREFIX, removeOldPacks } from '../../workspace/old-packs.ts';
import { packRepository } from '../../workspace/pack.ts';
import { type Command, type Context, type ExitCode, listFlag, textFlag } from '../context.ts';
import { followRun } from '../follow.ts';
import type { Overseer } from '../overseer.ts';
import { checkLines, endLine, isGreen, nextLines } from '../report.ts';
import { applyRun, askHere } from '../settle.ts';

export const runCommand: Command = {
  usage: '"TASK"',
  summary: 'let the agent work on a repository; ends with status 0 only when the checks passed',
  flags: {
    repo: { type: 'string', value: 'DIR', help: 'the repository (the current directory), or an https address of one' },
    check: { type: 'string', multiple: true, value: 'NAME=COMMAND', help: 'a check that must pass; may be repeated' },
    setup: {
      type: 'string',
      multiple: true,
      value: 'COMMAND',
      help: 'runs before the agent comes, as npm ci; may be repeated',
    },
    'no-setup': { type: 'boolean', help: 'run no such command, whatever the configuration and lock files say' },
    apply: { type: 'string', value: 'BRANCH', help: 'ask to put the patch on a new branch when the checks passed' },
    yes: { type: 'boolean', help: 'with --apply: the answer is yes' },
    json: { type: 'boolean', help: 'print each event as a JSON line, the run as the last' },
  },
  positionals: [1, 1],
  run: runTask,
};

async function runTask(context: Context): Promise<ExitCode> {
  const repo = textFlag(context.flags, 'repo') ?? process.cwd();
  const isRemote = /^[a-z][a-z0-9+.-]*:\/\//i.test(repo);
  if (isRemote && textFlag(context.flags, 'apply') !== undefined)
    throw new CaissonError('usage', '--apply makes a branch in a repository of this machine: give --repo DIR');
  const loaded = await context.config(isRemote ? undefined : repo);
  const folder = await mkdtemp(join(tmpdir(), PACK_PREFIX));
  const bundle = join(folder, 'bundle');
  const order = { bundle, limits: loaded.limits, signal: context.signal };
  const packing = isRemote
    ? fetchRemote({ ...order, url: repo, hosts: loaded.workspace.gitHosts })
    : packRepository({ ...order, repo });
  packing.catch(() => {});
  const opening = context.overseer(loaded);
  opening.catch(() => {});
  try {
    const packed = await packing;
    for (const warning of packed.warnings) context.terminal.remark(`note: ${warning}`);
    const overseer = await opening;
    try {
      return await workOn({ repo, packed, loaded, overseer, context });
    } finally {
      await overseer.close();
    }
  } catch (error) {
    await opening.then((overseer) => overseer.close()).catch(() => {});
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
    await removeOldPacks(tmpdir(), Date.now());
  }
}

interface Work {
  readonly repo: string;
  readonly packed: PackedRepository;
  readonly loaded: LoadedConfig;
  readonly overseer: Overseer;
  readonly context: Context;
}

async function workOn({ repo, packed, loaded, overseer, context }: Work): Promise<ExitCode> {
  const { terminal, flags } = context;
  const json = flags['json'] === true;
  const request = requestOf(packed, loaded, context);
  const started = await overseer.createRun(request, packed.bundle);
  if (!json) introduce(started, packed, context);
  const publishing = request.publish !== undefined;
  const onAsked = (question: string) => askHere(question, publishing && flags['yes'] === true, overseer, context);
  const run = await followRun(started, overseer, context, { json, onAsked });
  if (json) terminal.line(JSON.stringify(run));
  else await conclude(run, overseer, context);
  if (context.signal.aborted) return 130;
  if (!isGreen(run)) return 1;
  if (request.publish === undefined) return 0;
  const applied = await applyRun(
    { run: run.id, repo, wish: request.publish, yes: flags['yes'] === true },
    overseer,
    context,
  );
  if (applied === undefined) return 1;
  terminal.remark(`${applied.ref} is ${applied.commit}: ${applied.checkout}`);
  for (const warning of applied.warnings) terminal.remark(`warning: ${warning}`);
  return 0;
}

function requestOf(packed: PackedRepository, loaded: LoadedConfig, context: Context): RunRequest {
  const { head, branch, headTree, tree } = packed;
  const declared = listFlag(context.flags, 'check').map(checkOf);
  const branchWish = textFlag(context.flags, 'apply');
  const task = context.positionals[0] ?? '';
  if (task.trim() === '') throw new CaissonError('usage', 'the task is empty: say what shall be done');
  return {
    task,
    model: loaded.model,
    checks: declared.length > 0 ? [...declared] : [...loaded.checks],
    ...setupOf(loaded, context),
    origin: { head, branch, headTree, tree },
    ...(branchWish === undefined ? {} : { publish: { ref: refOf(branchWish), remote: 'local' } }),
  };
}

/** Nothing where lock files are to say it. */
function setupOf({ setup }: LoadedConfig, { flags }: Context): Pick<RunRequest, 'setup'> {
  const { run, files, onFailure: failure } = setup;
  const wanted = listFlag(flags, 'setup');
  const isOff = flags['no-setup'] === true;
  if (isOff && wanted.length > 0) throw new CaissonError('usage', 'give --setup or --no-setup, not both');
  if (wanted.some((command) => command.trim() === '')) throw new CaissonError('usage', '--setup takes a command');
  if (isOff || wanted.length > 0) return { setup: { run: [...wanted], failure } };
  if (run === undefined) return {};
  return { setup: { run: [...run], failure, ...(files === undefined ? {} : { files: [...files] }) } };
}

export function refOf(branch: string): string {
  return branch.startsWith('refs/heads/') ? branch : `refs/heads/${branch}`;
}

function checkOf(text: string): Check {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) throw new CaissonError('usage', `--check ${text}: write it as NAME=COMMAND`);
  return { name: text.slice(0, at), run: text.slice(at + 1) };
}

function introduce(run: RunRecord, packed: PackedRepository, { terminal }: Context): void {
  const changed = packed.changed + packed.untracked;
  const dirty = changed === 0 ? '' : `, ${packed.changed} changed and ${packed.untracked} untracked files included`;
  const recorded = run.recorded ? ' (recorded replies)' : '';
  terminal.line(`task    ${run.task}`);
  terminal.line(`run     ${run.id} with ${run.model}${recorded}`);
  terminal.line(`base    ${packed.head.slice(0, 12)} ${packed.branch}, ${packed.files} files${dirty}\n`);
}

/** What came of it, and where to look further. */
export async function conclude(run: RunRecord, overseer: Overseer, { terminal }: Context): Promise<void> {
  const checks = await overseer.checks(run.id);
  terminal.line(`\n${endLine(run)}`);
  if (checks.length > 0) terminal.line(['checks on a fresh checkout:', ...checkLines(checks)].join('\n'));
  if (run.summary !== undefined) terminal.line(`the agent says: ${run.summary}`);
  terminal.line(['look further:', ...nextLines(run)].join('\n'));
}

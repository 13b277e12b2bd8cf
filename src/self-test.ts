// Owns the deep self-test of the sandbox, at the start of a service and later: kept in the journal, and no run works unless it has passed.
import { CATALOGUE, errorFrom, type ErrorReport } from './base/errors.ts';
import { sha256 } from './base/hash.ts';
import { canonicalJson } from './base/json.ts';
import type { Logger } from './base/logger.ts';
import type { Executor, ExecutorResult, ProbeDepth, ProbeReport } from './contracts/executor.ts';
import type { Journal } from './contracts/journal.ts';
import { SERVICE_CHAIN } from './contracts/run-events.ts';

/** Undefined: the sandbox holds what it promises. The first call runs the test; leftovers must have been swept before. */
export type SelfTest = () => Promise<ErrorReport | undefined>;

export interface SandboxTest {
  readonly test: SelfTest;
  /** The whole suite, now: what it comes to is what `test` says from then on. Rejects where there is no sandbox at all. */
  readonly again: () => Promise<ProbeReport>;
  /** Why nothing runs, as far as is known. */
  readonly problem: () => string | undefined;
}

interface Ports {
  readonly executor: Executor;
  readonly journal: Journal;
  readonly logger: Logger;
}

export function createSandboxTest(ports: Ports): SandboxTest {
  let tested: Promise<ErrorReport | undefined> | undefined;
  let problem: string | undefined = 'the sandbox is being tested';
  const run = async (depth: ProbeDepth) => {
    const report = await ports.executor.probe(depth);
    const error = await judge(report, ports);
    problem = error?.message;
    return { report, error };
  };
  return {
    test: () => (tested ??= run('start').then(({ error }) => error)),
    again: async () => {
      const before = tested ?? Promise.resolve(undefined);
      const running = run('whole');
      tested = running.then(
        ({ error }) => error,
        () => before,
      );
      const { report } = await running;
      if (!report.ok) throw errorFrom(report.error);
      return report.value;
    },
    problem: () => problem,
  };
}

/** In a command each launch's own checks are the test: its first model request does not wait for more. */
export const handshakeOnly: SelfTest = async () => undefined;

async function judge(
  report: ExecutorResult<ProbeReport>,
  { journal, logger }: Ports,
): Promise<ErrorReport | undefined> {
  const content = canonicalJson(report);
  const failed = report.ok
    ? report.value.checks.filter((check) => !check.ok).map((check) => `${check.name} (seen: ${check.seen})`)
    : [report.error.message];
  const ok = failed.length === 0;
  const body = { type: 'probed', ok, probeHash: sha256(content), failed, ...whatWas(report) } as const;
  await journal.append([{ chain: SERVICE_CHAIN, body: { ...body, failed: [...failed] }, contents: [content] }]);
  if (ok) return undefined;
  const message = `the sandbox fails its self-test: ${failed.join('; ')}`;
  logger.error('no command will run', { message });
  return { code: 'sandbox_self_test_failed', message, hint: CATALOGUE.sandbox_self_test_failed.hint };
}

function whatWas(report: ExecutorResult<ProbeReport>) {
  if (!report.ok) return {};
  const { suite, firejail, kernel } = report.value;
  return { firejail, kernel, ...(suite === undefined ? {} : { suite }) };
}

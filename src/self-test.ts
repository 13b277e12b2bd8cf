// Owns the deep self-test of the sandbox at the start of a service: run once, kept in the journal, and no run works before it has passed.
import type { ErrorReport } from './base/errors.ts';
import { CATALOGUE } from './base/errors.ts';
import { sha256 } from './base/hash.ts';
import { canonicalJson } from './base/json.ts';
import type { Logger } from './base/logger.ts';
import type { Executor } from './contracts/executor.ts';
import type { Journal } from './contracts/journal.ts';
import { SERVICE_CHAIN } from './contracts/run-events.ts';

/** Undefined: the sandbox holds what it promises. The first call runs the test; leftovers must have been swept before. */
export type SelfTest = () => Promise<ErrorReport | undefined>;

export function createSelfTest(of: {
  readonly executor: Executor;
  readonly journal: Journal;
  readonly logger: Logger;
}): SelfTest {
  let tested: Promise<ErrorReport | undefined> | undefined;
  return () => (tested ??= testSandbox(of));
}

/** In a command each launch's own checks are the test: its first model request does not wait for more. */
export const handshakeOnly: SelfTest = async () => undefined;

async function testSandbox({
  executor,
  journal,
  logger,
}: Parameters<typeof createSelfTest>[0]): Promise<ErrorReport | undefined> {
  const report = await executor.probe();
  const content = canonicalJson(report);
  const failed = report.ok
    ? report.value.checks.filter((check) => !check.ok).map((check) => `${check.name} (seen: ${check.seen})`)
    : [report.error.message];
  const ok = failed.length === 0;
  const body = { type: 'probed', ok, probeHash: sha256(content), failed } as const;
  await journal.append([{ chain: SERVICE_CHAIN, body: { ...body, failed: [...failed] }, contents: [content] }]);
  if (ok) return undefined;
  const message = `the sandbox fails its self-test: ${failed.join('; ')}`;
  logger.error('no command will run', { message });
  return { code: 'sandbox_self_test_failed', message, hint: CATALOGUE.sandbox_self_test_failed.hint };
}

// Owns the way from a bare checkout to a running program: install, pick a Node, make sure of the sandbox, start. Runs on Node ≥ 18.
'use strict';
const path = require('node:path');
const { createReport, duration, stopping, Stop } = require('./parts/report.cjs');
const { ensureDependencies } = require('./parts/dependencies.cjs');
const { environment, ensureNode } = require('./parts/runtime.cjs');
const { ensureContainers, ensureFirejail, ensureGit } = require('./parts/packages.cjs');
const { ensureCommandUser } = require('./parts/command-user.cjs');
const { startProgram } = require('./parts/start.cjs');

const ROOT = path.dirname(__dirname);
/** What `npm run …` starts, with Node 24. */
const TARGETS = {
  demo: ['test/demo/demo.ts'],
  test: ['bin/run-tests.cjs', 'all'],
  'test:fast': ['bin/run-tests.cjs', 'fast'],
  check: ['bin/check.cjs'],
  bench: ['test/bench/run.ts'],
  'test:sdk': ['test/sdk/run.ts'],
  'test:clients': ['test/clients/run.ts'],
  'test:vllm': ['test/engines/vllm/run.ts'],
  'test:container': ['test/container/run.ts'],
};

function main([target, ...rest]) {
  const start = Date.now();
  const report = createReport(false);
  if (target === 'install') return installOnly(report, rest);
  if (!Object.hasOwn(TARGETS, target ?? ''))
    throw new Stop(
      `no target named ${target ?? '(none)'}`,
      `choose one of: install, ${Object.keys(TARGETS).join(', ')}`,
    );
  report.step('dependencies', () => ensureDependencies(ROOT, report));
  const { node } = report.step('node', () => ensureNode(ROOT));
  report.step('git', () => ensureGit(report));
  report.step('firejail', () => ensureFirejail(report));
  if (process.getuid() === 0) report.step('user', () => ensureCommandUser());
  if (target === 'test:container') report.step('containers', () => ensureContainers(report));
  report.announce(`ready in ${duration(Date.now() - start)}`);
  const [file, ...words] = TARGETS[target];
  const argv = ['--disable-warning=ExperimentalWarning', path.join(ROOT, file), ...words, ...rest];
  return startProgram(node, argv, environment(ROOT));
}

/** For images and bundles, which bring git, firejail and the user themselves. */
function installOnly(report, words) {
  const bare = words.length === 1 && words[0] === '--production';
  if (words.length > 0 && !bare)
    throw new Stop(`install does not know ${words.join(' ')}`, 'give it nothing, or --production');
  report.step('dependencies', () => ensureDependencies(ROOT, report, bare));
  report.step('node', () => ensureNode(ROOT));
}

stopping(() => main(process.argv.slice(2)));

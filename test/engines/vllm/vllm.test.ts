// Owns the order of the tests on a real vLLM: one server for all of them, so those that kill it come last. Knows no test.
import { after, before, describe } from 'node:test';
import { testAgent } from './cases/agent.ts';
import { testAnswers } from './cases/answers.ts';
import { testDeaths, testLeaving } from './cases/endings.ts';
import { testReports } from './cases/reports.ts';
import { testTraps } from './cases/traps.ts';
import { testWishes } from './cases/wishes.ts';
import { openStage, type Stage } from './stage.ts';

const START_MS = 600_000;
const ALL_MS = 20 * 60_000;

describe('vLLM', { timeout: ALL_MS }, () => {
  let stage: Stage | undefined;
  before(
    async () => {
      stage = await openStage();
    },
    { timeout: START_MS },
  );
  after(() => stage?.stop());
  const on = () => {
    if (stage === undefined) throw new Error('nothing was started');
    return stage;
  };
  testAnswers(on);
  testWishes(on);
  testReports(on);
  testTraps(on);
  testLeaving(on);
  testAgent(on);
  testDeaths(on);
});

// Owns the test of a whole run on the real engine: from a task on the command line to a patch whose checks passed. Knows no request.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { makeFixture } from '../../../fixtures/make.ts';
import { dataDirFor } from '../../../whole/cli-setup.ts';
import { cueFor } from '../plays.ts';
import { MODEL } from '../server.ts';
import { EACH, type OnStage } from '../stage.ts';

const CAISSON = join(import.meta.dirname, '..', '..', '..', '..', 'bin', 'caisson');

export function testAgent(on: OnStage): void {
  test('a run of the agent ends with a patch whose checks passed', EACH, async (t) => {
    const { folder, dataDir } = dataDirFor(t);
    const { repo } = await makeFixture('slugify-js', folder);
    const caisson = async (...words: readonly string[]) => {
      const { stdout } = await promisify(execFile)(process.execPath, [CAISSON, ...words, '--data-dir', dataDir]);
      return stdout;
    };
    const task = cueFor('mend', 'The tests fail. Mend the slugger.');
    const engine = ['--endpoint', on().vllm.url, '--model', MODEL];
    const ran = await caisson('run', task, '--repo', repo, ...engine, '--check', 'tests=node --test', '--json');
    const lines = ran
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; end?: object });
    assert.deepEqual(lines.at(-1)?.end, { end: 'done', verified: true });
    assert.match(await caisson('diff', lines.at(-1)?.id ?? ''), /^\+ {4}while \(counts\.has\(anchor\)\) \{$/m);
    assert.match(await caisson('journal', 'verify'), /^journal verified/);
  });
}

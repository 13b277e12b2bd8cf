// Owns the proof of the demo: it ends green with everything it promises to print, and red when the repository is broken in another way.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { it } from 'node:test';

function demo(...words: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'demo.ts'), ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const take = (text: string) => (output += text);
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

it('the demo repairs the repository and prints task, steps, diff, decisions, checks and the verified journal', async () => {
  const { code, output } = await demo();
  assert.equal(code, 0, output);
  for (const expected of [
    /^task {4}The tests of this library fail/m,
    /^step 1 +bash +node --test/m,
    /deny: egress by rule/,
    /not done: the declared checks are red; back to work/,
    /\(another terminal\) caisson approve q_/,
    /approved by/,
    /^ {2}tests: failed \(exit status 1\) in .* before → passed \(exit status 0\) in .* after$/m,
    /^\+ +while \(counts\.has\(anchor\)\)/m,
    /^step 8 +ask +publish/m,
    /^journal verified: \d+ events/m,
    /refs\/heads\/caisson\/demo is [0-9a-f]{40}/,
    /^bin\/caisson show run_/m,
    /Recorded: the replies of the model\./,
  ])
    assert.match(output, expected);
});

it('the same replies on a repository that is broken differently end red, with nothing called verified', async () => {
  const { code, output } = await demo('--broken');
  assert.equal(code, 1, output);
  assert.match(output, /the model failed \(rehearsal_left_script\)/);
  assert.match(output, /The demo FAILED/);
  assert.doesNotMatch(output, /verified/);
});

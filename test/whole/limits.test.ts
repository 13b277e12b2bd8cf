// Owns the proof that a limit of the sandbox reaches the model in words and the journal as the reason. Real parts; scripted replies.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bash, finish, makeRepo, scriptOf, testHouse, type TestHouse } from './house.ts';

const HUGE = 'for i in 1 2 3 4; do head -c 100M /dev/zero >huge.$i; done; sleep 20';
const SETTINGS = { 'sandbox.disk_bytes': 100 * 1024 ** 2 };
const SAID = /^killed: disk: the sandbox used \d+ MB of 100 MB on the disk in total, .*; remove what is not needed/;

async function bodiesOf(house: TestHouse, run: string) {
  return (await house.events(run)).map(({ body }) => body);
}

test('a command that fills the disk is killed, the model is told how much and what to do, the journal holds the reason', async (t) => {
  const turns = [bash(HUGE), bash('rm -f huge.*; echo tidy', 'killed: disk'), finish('exit status: 0')];
  const house = await testHouse(t, { script: scriptOf(turns), settings: SETTINGS });
  const record = await house.work(await makeRepo(t, { 'a.txt': 'a\n' }));
  assert.deepEqual(record.end, { end: 'done', verified: false });
  const bodies = await bodiesOf(house, record.id);
  const [killed, tidied] = bodies.flatMap((body) =>
    body.type === 'tool_finished' && body.tool === 'bash' ? [body] : [],
  );
  assert.deepEqual([killed?.status, killed?.detail, killed?.restarted], ['killed', 'disk', true]);
  assert.match((await house.journal.content(killed?.resultHash ?? '')) ?? '', SAID);
  assert.deepEqual([tidied?.status, tidied?.restarted], ['ok', false]);
  const limits = bodies.flatMap((body) => (body.type === 'sandbox_opened' ? [body.limits] : []))[0];
  assert.deepEqual([limits?.['processes'], limits?.['disk'], limits?.['total_memory']], ['hard', 'watched', 'watched']);
});

test('a check that fills the disk is killed, and what is kept of its output begins with the limit', async (t) => {
  const script = scriptOf([bash('echo 1 >a.txt'), finish('exit status: 0')]);
  const house = await testHouse(t, { script, settings: SETTINGS });
  const record = await house.work(await makeRepo(t, { 'a.txt': 'a\n' }), { checks: [{ name: 'huge', run: HUGE }] });
  const [first] = (await bodiesOf(house, record.id)).flatMap((body) => (body.type === 'check_finished' ? [body] : []));
  assert.equal(first?.status, 'killed');
  assert.match((await house.journal.content(first?.outputHash ?? '')) ?? '', SAID);
});

// Owns the proof that each check of the handshake fails for its own reason, and that a fact that is missing is a failure.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judgeFacts } from '../../../src/sandbox/handshake.ts';

const UID = 1001;

/** What a good sandbox says, line by line. */
const GOOD: readonly string[] = [
  'facts',
  'status Name:\tbash',
  'status NoNewPrivs:\t1',
  'status Seccomp:\t2',
  'status Seccomp_filters:\t5',
  'status CapEff:\t0000000000000000',
  'status CapBnd:\t0000000000000000',
  'uid_map       1001       1001          1',
  'net Inter-|   Receive                                                |  Transmit',
  'net  face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs',
  'net     lo:       0       0    0    0    0     0          0         0        0       0    0',
  'processes 4',
  'canary_readable no',
  'root_writable no',
  'work_writable yes',
  'executable yes',
  '',
];

const CHECKS = [
  'own user namespace maps this user only',
  'no new privileges',
  'system call filter',
  'no capabilities',
  'no network but loopback',
  'host processes invisible',
  'service files unreadable',
  'root of the box read-only',
  'programs of the box can run',
  'work tree writable',
] as const;

function failed(lines: readonly string[], uid = UID): readonly (readonly [string, string])[] {
  return judgeFacts(lines.join('\n'), uid).flatMap(({ name, ok, seen }) => (ok ? [] : [[name, seen] as const]));
}

/** The good facts with one line replaced, or left out. */
function but(old: string, fresh?: string): readonly string[] {
  const at = GOOD.findIndex((line) => line.startsWith(old));
  assert.notEqual(at, -1);
  return GOOD.flatMap((line, index) => (index === at ? (fresh ?? []) : line));
}

describe('the handshake', () => {
  it('passes every check of a good sandbox, and tells what was seen', () => {
    assert.deepEqual(judgeFacts(GOOD.join('\n'), UID), [
      { name: CHECKS[0], ok: true, seen: '1001 1001 1' },
      { name: CHECKS[1], ok: true, seen: '1' },
      { name: CHECKS[2], ok: true, seen: '2' },
      { name: CHECKS[3], ok: true, seen: '0000000000000000 0000000000000000' },
      { name: CHECKS[4], ok: true, seen: 'lo' },
      { name: CHECKS[5], ok: true, seen: '4 processes' },
      { name: CHECKS[6], ok: true, seen: 'canary readable: no' },
      { name: CHECKS[7], ok: true, seen: 'writable: no' },
      { name: CHECKS[8], ok: true, seen: 'executable: yes' },
      { name: CHECKS[9], ok: true, seen: 'writable: yes' },
    ]);
  });

  const bad: readonly (readonly [string, string, string, string])[] = [
    ['uid_map', 'uid_map 0 0 4294967295', CHECKS[0], '0 0 4294967295'],
    ['uid_map', 'uid_map 1001 0 1', CHECKS[0], '1001 0 1'],
    ['uid_map', 'uid_map 1001 1001 1\nuid_map 0 0 1', CHECKS[0], '1001 1001 1; 0 0 1'],
    ['status NoNewPrivs', 'status NoNewPrivs:\t0', CHECKS[1], '0'],
    ['status Seccomp:', 'status Seccomp:\t0', CHECKS[2], '0'],
    ['status Seccomp:', 'status Seccomp:\t1', CHECKS[2], '1'],
    ['status CapEff', 'status CapEff:\t0000000000000400', CHECKS[3], '0000000000000000 0000000000000400'],
    ['status CapBnd', 'status CapBnd:\t000001ffffffffff', CHECKS[3], '000001ffffffffff 0000000000000000'],
    ['net     lo', 'net lo: 0\nnet eth0: 0', CHECKS[4], 'lo eth0'],
    ['net     lo', 'net lo: 0\nnet lo2: 0', CHECKS[4], 'lo lo2'],
    ['processes', 'processes 131', CHECKS[5], '131 processes'],
    ['processes', 'processes 0', CHECKS[5], '0 processes'],
    ['processes', 'processes ', CHECKS[5], ' processes'],
    ['processes', 'processes -3', CHECKS[5], '-3 processes'],
    ['canary_readable', 'canary_readable yes', CHECKS[6], 'canary readable: yes'],
    ['root_writable', 'root_writable yes', CHECKS[7], 'writable: yes'],
    ['executable', 'executable no', CHECKS[8], 'executable: no'],
    ['work_writable', 'work_writable no', CHECKS[9], 'writable: no'],
  ];
  for (const [old, fresh, name, seen] of bad) {
    it(`fails "${name}" alone for ${JSON.stringify(fresh)}`, () => {
      assert.deepEqual(failed(but(old, fresh)), [[name, seen]]);
    });
  }

  const missing: readonly (readonly [string, string, string])[] = [
    ['uid_map', CHECKS[0], 'missing'],
    ['status NoNewPrivs', CHECKS[1], 'missing'],
    ['status Seccomp:', CHECKS[2], 'missing'],
    ['status CapEff', CHECKS[3], '0000000000000000 missing'],
    ['status CapBnd', CHECKS[3], 'missing 0000000000000000'],
    ['net     lo', CHECKS[4], 'missing'],
    ['processes', CHECKS[5], 'missing processes'],
    ['canary_readable', CHECKS[6], 'canary readable: missing'],
    ['root_writable', CHECKS[7], 'writable: missing'],
    ['executable', CHECKS[8], 'executable: missing'],
    ['work_writable', CHECKS[9], 'writable: missing'],
  ];
  for (const [old, name, seen] of missing) {
    it(`fails "${name}" alone when ${old.trim()} was not said`, () => {
      assert.deepEqual(failed(but(old)), [[name, seen]]);
    });
  }

  it('fails the user namespace of any other user', () => {
    assert.deepEqual(failed(GOOD, 1002), [[CHECKS[0], '1001 1001 1']]);
  });

  for (const record of ['', 'facts', 'end 0 /', 'Facts\nprocesses 4', GOOD.slice(1).join('\n')]) {
    it(`fails every check for the record ${JSON.stringify(record.slice(0, 24))}`, () => {
      const names = judgeFacts(record, UID).flatMap(({ name, ok }) => (ok ? [] : [name]));
      assert.deepEqual(names, CHECKS);
    });
  }
});

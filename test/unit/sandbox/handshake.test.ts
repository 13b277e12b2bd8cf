// Owns the proof that each check of the handshake fails for its own reason, and that a fact that is missing is a failure.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SandboxLimits } from '../../../src/contracts/executor.ts';
import { judgeFacts } from '../../../src/sandbox/handshake.ts';

const UID = 1001;
const LIMITS: SandboxLimits = {
  processes: 128,
  processMemoryBytes: 1000,
  memoryBytes: 1,
  openFiles: 64,
  fileBytes: 2000,
  diskBytes: 1,
  diskFiles: 1,
  cpuSeconds: 60,
};

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
  'call 1',
  'box_visible no',
  'outside refused',
  'socket refused',
  'limits Limit                     Soft Limit           Hard Limit           Units     ',
  'limits Max cpu time              60                   60                   seconds   ',
  'limits Max file size             2000                 2000                 bytes     ',
  'limits Max data size             1000                 1000                 bytes     ',
  'limits Max stack size            8388608              unlimited            bytes     ',
  'limits Max core file size        0                    0                    bytes     ',
  'limits Max processes             100                  128                  processes ',
  'limits Max open files            32                   32                   files     ',
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
  'filtered calls refused',
  'box of the host invisible',
  'write outside refused',
  'socket to a network refused',
  'limits set',
] as const;

function failed(lines: readonly string[], uid = UID): readonly (readonly [string, string])[] {
  return judgeFacts(lines.join('\n'), uid, LIMITS).flatMap(({ name, ok, seen }) => (ok ? [] : [[name, seen] as const]));
}

/** The good facts with one line replaced, or left out. */
function but(old: string, fresh?: string): readonly string[] {
  const at = GOOD.findIndex((line) => line.startsWith(old));
  assert.notEqual(at, -1);
  return GOOD.flatMap((line, index) => (index === at ? (fresh ?? []) : line));
}

describe('the handshake', () => {
  it('passes every check of a good sandbox, and tells what was seen', () => {
    assert.deepEqual(judgeFacts(GOOD.join('\n'), UID, LIMITS), [
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
      { name: CHECKS[10], ok: true, seen: 'exit status 1' },
      { name: CHECKS[11], ok: true, seen: 'visible: no' },
      { name: CHECKS[12], ok: true, seen: 'refused' },
      { name: CHECKS[13], ok: true, seen: 'refused' },
      { name: CHECKS[14], ok: true, seen: 'all' },
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
    ['call', 'call 0', CHECKS[10], 'exit status 0'],
    ['call', 'call 127', CHECKS[10], 'exit status 127'],
    ['box_visible', 'box_visible yes', CHECKS[11], 'visible: yes'],
    ['outside', 'outside written', CHECKS[12], 'written'],
    ['socket', 'socket opened', CHECKS[13], 'opened'],
    [
      'limits Max cpu',
      'limits Max cpu time   unlimited   unlimited   seconds',
      CHECKS[14],
      'Max cpu time unlimited, not 60',
    ],
    [
      'limits Max proc',
      'limits Max processes  128         129         processes',
      CHECKS[14],
      'Max processes 129, not 128',
    ],
    ['limits Max core', 'limits Max core file size  0  4096  bytes', CHECKS[14], 'Max core file size 4096, not 0'],
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
    ['call', CHECKS[10], 'exit status missing'],
    ['box_visible', CHECKS[11], 'visible: missing'],
    ['outside', CHECKS[12], 'missing'],
    ['socket', CHECKS[13], 'missing'],
    ['limits Max data', CHECKS[14], 'Max data size missing, not 1000'],
    ['limits Max file', CHECKS[14], 'Max file size missing, not 2000'],
    ['limits Max open', CHECKS[14], 'Max open files missing, not 64'],
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
      const names = judgeFacts(record, UID, LIMITS).flatMap(({ name, ok }) => (ok ? [] : [name]));
      assert.deepEqual(names, CHECKS);
    });
  }
});

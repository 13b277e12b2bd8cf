// Owns the proof of the whole command line and the whole environment of a launch.
import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { describe, it } from 'node:test';
import { joinPlan, launchPlan } from '../../../src/sandbox/argv.ts';

const LIMITS = {
  processes: 12,
  processMemoryBytes: 34_000_000,
  memoryBytes: 35_000_000,
  openFiles: 56,
  fileBytes: 78_000_000,
  diskBytes: 79_000_000,
  diskFiles: 80_000,
  cpuSeconds: 90,
};
const USER = { name: 'agent', uid: 4321, gid: 1234, home: '/home/agent' };
const GIVEN = {
  profile: '/tmp/p/agent.profile',
  box: '/home/agent/runs/run_1/box',
  limits: LIMITS,
  program: ['bash', '-c', 'echo "$1"', 'caisson', '--name=x', '', 'a b'],
  inContainer: false,
};
const ENV = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/home/agent/.caisson/bin',
  HOME: '/home/agent',
  USER: 'agent',
  LOGNAME: 'agent',
  SHELL: '/bin/bash',
  LANG: 'C.UTF-8',
  TERM: 'dumb',
  TMPDIR: '/tmp',
  CI: '1',
  NO_COLOR: '1',
  PAGER: 'cat',
  GIT_PAGER: 'cat',
  GIT_TERMINAL_PROMPT: '0',
};

describe('the plan of a launch', () => {
  it('is exactly this command line and this environment', () => {
    assert.deepEqual(launchPlan(GIVEN, { user: USER }), {
      argv: [
        'prlimit',
        '--data=34000000',
        '--core=0',
        'firejail',
        '--profile=/tmp/p/agent.profile',
        '--private=/home/agent/runs/run_1/box',
        '--private-cwd=/home/agent/work',
        '--env=HOME=/home/agent',
        '--oom=1000',
        '--rlimit-nproc=12',
        '--rlimit-nofile=56',
        '--rlimit-fsize=78000000',
        '--rlimit-cpu=90',
        '--keep-fd=3',
        '--',
        'bash',
        '-c',
        'echo "$1"',
        'caisson',
        '--name=x',
        '',
        'a b',
      ],
      env: ENV,
    });
  });

  it('keeps one channel more for a network, whose variables hide none of ours', () => {
    const network = { HTTP_PROXY: 'http://127.0.0.1:3128', PATH: '/planted' };
    const { argv, env } = launchPlan({ ...GIVEN, network }, { user: USER });
    assert.deepEqual(argv.slice(13, 16), ['--keep-fd=3', '--keep-fd=4', '--']);
    assert.deepEqual(env, { ...ENV, HTTP_PROXY: 'http://127.0.0.1:3128' });
  });

  it('tells firejail of a container, or it would start the program without a sandbox', () => {
    const { env } = launchPlan({ ...GIVEN, inContainer: true }, { user: USER });
    assert.deepEqual(env, { ...ENV, container: 'docker' });
  });

  it('starts the firejail that it was told of', () => {
    const { argv } = launchPlan(GIVEN, { user: USER, firejail: '/opt/firejail/bin/firejail' });
    assert.deepEqual(argv.slice(2, 5), ['--core=0', '/opt/firejail/bin/firejail', '--profile=/tmp/p/agent.profile']);
  });

  it('runs commands as the user of this process when no other is named', () => {
    const { username, homedir } = userInfo();
    const { argv, env } = launchPlan(GIVEN, {});
    assert.ok(argv.includes(`--private-cwd=${homedir}/work`));
    assert.deepEqual([env['USER'], env['HOME']], [username, homedir]);
  });
});

describe('the command line that joins a sandbox', () => {
  it('is whole: the limits of a process, the first process of the sandbox, the program behind two dashes, the same environment', () => {
    const { limits, program, inContainer } = GIVEN;
    const { argv, env } = joinPlan({ pid: 77, limits, program, inContainer }, { user: USER });
    assert.deepEqual(argv, [
      'prlimit',
      '--data=34000000',
      '--nofile=56',
      '--fsize=78000000',
      '--core=0',
      'firejail',
      '--quiet',
      '--join=77',
      '--',
      ...program,
    ]);
    assert.deepEqual(env, launchPlan(GIVEN, { user: USER }).env);
  });
});

// Owns the proof that the configuration of repositories has its defaults, and that what is wrong in it is said with its place.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { workspaceConfigOf, workspaceSchema } from '../../../src/config/workspace.ts';

const schema = workspaceSchema(z);

describe('the configuration of repositories', () => {
  it('has defaults, and takes what is given', () => {
    const defaults = { protected: [], gitHosts: [], keepDays: 30, diskPercent: 85 };
    assert.deepEqual(workspaceConfigOf(), defaults);
    const given = { protected: ['docs/**'], git_hosts: ['git.example.com:8443'], keep_days: 7, disk_percent: 60 };
    assert.deepEqual(workspaceConfigOf(schema.parse(given)), {
      protected: ['docs/**'],
      gitHosts: ['git.example.com:8443'],
      keepDays: 7,
      diskPercent: 60,
    });
  });

  for (const [field, value] of Object.entries({
    keep_days: 0,
    disk_percent: 101,
    other: 1,
    protected: ['/absolute'],
    git_hosts: ['https://git.example.com'],
  }))
    it(`refuses ${field}: ${JSON.stringify(value)}`, () => {
      const { success, error } = schema.safeParse({ [field]: value });
      assert.equal(success, false);
      const issue = error?.issues[0];
      assert.ok(issue?.path[0] === field || (issue?.code === 'unrecognized_keys' && issue.keys.includes(field)));
    });

  it('refuses hosts that are none: capitals, users, paths, wildcards, empty labels', () => {
    for (const host of [
      'Git.example.com',
      'me@host',
      'host/path',
      '*.example.com',
      '.example.com',
      'a..b',
      '-a',
      'a:b',
      '',
    ])
      assert.equal(schema.safeParse({ git_hosts: [host] }).success, false, host);
    for (const host of ['localhost', '127.0.0.1:8080', 'a-b.example.com'])
      assert.equal(schema.safeParse({ git_hosts: [host] }).success, true, host);
  });
});

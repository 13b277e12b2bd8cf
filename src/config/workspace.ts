// Owns the part of a configuration about repositories: what is protected, where they come from, how long files stay. Knows no git.
import type { z as Schema } from 'zod';
import type { Zod } from '../base/schema.ts';

export interface WorkspaceConfig {
  /** Globs of paths whose change a person is shown, beside those that are always shown. */
  readonly protected: readonly string[];
  /** Hosts that a repository may be fetched from, each with its port where that is not the usual one. */
  readonly gitHosts: readonly string[];
  /** What is kept of the files of a run that has ended goes after so many days. */
  readonly keepDays: number;
  /** The oldest of it goes earlier while more of the disk is taken. */
  readonly diskPercent: number;
}

const MAX_GLOBS = 200;
/** A longer pattern takes longer to match. */
const MAX_GLOB = 200;
const MAX_HOSTS = 100;
const MAX_DAYS = 3650;
const KEEP_DAYS = 30;
const DISK_PERCENT = 85;
const HOST = /^(?=.{1,253}(?::|$))[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*(?::\d{1,5})?$/;

export function workspaceSchema(z: Zod) {
  const glob = z
    .string()
    .min(1)
    .max(MAX_GLOB)
    .refine(
      (text) => !text.startsWith('/') && !text.includes('\\'),
      'a path in the repository, as docs/** or **/Makefile',
    );
  const host = z
    .string()
    .regex(HOST, 'the name of a host in small letters, as git.example.com or git.example.com:8443');
  return z
    .strictObject({
      protected: z.array(glob).max(MAX_GLOBS),
      git_hosts: z.array(host).max(MAX_HOSTS),
      keep_days: z.int().min(1).max(MAX_DAYS),
      disk_percent: z.int().min(1).max(100),
    })
    .partial();
}

type WorkspaceValues = Partial<Schema.infer<ReturnType<typeof workspaceSchema>>>;

export function workspaceConfigOf(values: WorkspaceValues = {}): WorkspaceConfig {
  return {
    protected: values.protected ?? [],
    gitHosts: values.git_hosts ?? [],
    keepDays: values.keep_days ?? KEEP_DAYS,
    diskPercent: values.disk_percent ?? DISK_PERCENT,
  };
}

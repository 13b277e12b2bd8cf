// Owns the commands around API keys. A key is shown once and kept nowhere.
import { CaissonError } from '../../base/errors.ts';
import { type KeyRecord, type Role, ROLES } from '../../contracts/accounts.ts';
import { type Command, type Context, type ExitCode, listFlag, textFlag } from '../context.ts';
import type { Overseer } from '../overseer.ts';
import { withOverseer } from './overview.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

export const keysCommand: Command = {
  usage: 'list | create NAME | revoke ID',
  summary: 'API keys and their roles',
  flags: {
    role: {
      type: 'string',
      multiple: true,
      value: 'ROLE',
      help: `one of ${ROLES.join(', ')}; may be repeated (client)`,
    },
    team: { type: 'string', value: 'TEAM', help: 'team of the key (default)' },
    days: { type: 'string', value: 'N', help: 'the key expires in N days' },
    json: { type: 'boolean', help: 'print JSON for a program' },
  },
  positionals: [1, 2],
  run: (context) =>
    withOverseer(context, (overseer) => {
      const [verb, name] = context.positionals;
      if (verb === 'list') return list(overseer, context);
      if (verb === 'create' && name !== undefined) return create(name, overseer, context);
      if (verb === 'revoke' && name !== undefined) return revoke(name, overseer, context);
      throw new CaissonError('usage', 'caisson keys takes: list, create NAME, or revoke ID');
    }),
};

async function list(overseer: Overseer, { terminal, flags }: Context): Promise<ExitCode> {
  const keys = await overseer.keys();
  if (flags['json'] === true) terminal.line(JSON.stringify(keys));
  else for (const key of keys) terminal.line(keyLine(key));
  return 0;
}

async function create(name: string, overseer: Overseer, { terminal, flags }: Context): Promise<ExitCode> {
  const wanted = listFlag(flags, 'role');
  const roles = wanted.length === 0 ? (['client'] as const) : wanted.map(roleOf);
  const days = textFlag(flags, 'days');
  const expiry = days === undefined ? {} : { expiresAt: Date.now() + daysOf(days) * DAY_MS };
  const { key, record } = await overseer.createKey({
    name,
    team: textFlag(flags, 'team') ?? 'default',
    roles,
    ...expiry,
  });
  if (flags['json'] === true) terminal.line(JSON.stringify({ key, record }));
  else {
    terminal.line(key);
    terminal.remark(`${keyLine(record)}\nThe key is shown this once: keep it now.`);
  }
  return 0;
}

async function revoke(id: string, overseer: Overseer, { terminal }: Context): Promise<ExitCode> {
  terminal.line(keyLine(await overseer.revokeKey(id)));
  return 0;
}

function roleOf(text: string): Role {
  const role = ROLES.find((known) => known === text);
  if (role === undefined) throw new CaissonError('usage', `--role ${text}: the roles are ${ROLES.join(', ')}`);
  return role;
}

function daysOf(text: string): number {
  const days = Number(text);
  if (!Number.isFinite(days) || days <= 0) throw new CaissonError('usage', `--days ${text}: give a number above 0`);
  return days;
}

function keyLine(key: KeyRecord): string {
  const state = key.revokedAt !== undefined ? 'revoked' : 'good';
  const until = key.expiresAt === undefined ? '' : ` until ${new Date(key.expiresAt).toISOString()}`;
  return `${key.id}  ${key.prefix}…  ${state}${until}  ${key.name} (${key.team}): ${key.roles.join(', ')}`;
}

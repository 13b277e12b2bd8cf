// Owns the commands around API keys. A key is shown once and kept nowhere.
import { CaissonError } from '../../base/errors.ts';
import { type KeyLimits, type KeyRecord, type MadeKey, type Role, ROLES } from '../../contracts/accounts.ts';
import { type Command, type Context, type ExitCode, type Flags, listFlag, textFlag } from '../context.ts';
import type { Overseer } from '../overseer.ts';
import { changeOf, durationOf, expiryOf, LIMIT_FLAGS, limitsOf } from './key-limits.ts';
import { withOverseer } from './overview.ts';

export const keysCommand: Command = {
  usage: 'list | create NAME | limit ID | rotate ID | revoke ID',
  summary: 'API keys, their roles and limits',
  flags: {
    role: {
      type: 'string',
      multiple: true,
      value: 'ROLE',
      help: `one of ${ROLES.join(', ')}; may be repeated (client)`,
    },
    team: { type: 'string', value: 'TEAM', help: 'team of the key (default)' },
    days: { type: 'string', value: 'N', help: 'the key expires in N days' },
    expires: {
      type: 'string',
      value: 'WHEN',
      help: 'the key expires then: a date, or 30d, 12h from now (limit: or none)',
    },
    overlap: { type: 'string', value: 'TIME', help: 'rotate: the old key is good for so long (24h)' },
    ...LIMIT_FLAGS,
    json: { type: 'boolean', help: 'print JSON for a program' },
  },
  positionals: [1, 2],
  run: (context) =>
    withOverseer(context, (overseer) => {
      const [verb, name] = context.positionals;
      if (verb === 'list') return list(overseer, context);
      if (verb === 'create' && name !== undefined) return create(name, overseer, context);
      if (verb === 'limit' && name !== undefined) return limit(name, overseer, context);
      if (verb === 'rotate' && name !== undefined) return rotate(name, overseer, context);
      if (verb === 'revoke' && name !== undefined) return revoke(name, overseer, context);
      throw new CaissonError('usage', 'caisson keys takes: list, create NAME, limit ID, rotate ID, or revoke ID');
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
  const limits = limitsOf(flags);
  const made = await overseer.createKey({
    name,
    team: textFlag(flags, 'team') ?? 'default',
    roles,
    ...expiryOf(flags, Date.now()),
    ...(limits === undefined ? {} : { limits }),
  });
  return show(made, terminal, flags);
}

/** What no flag names stays as it is. */
async function limit(id: string, overseer: Overseer, { terminal, flags }: Context): Promise<ExitCode> {
  const record = await overseer.changeKey(id, changeOf(flags, Date.now()));
  terminal.line(flags['json'] === true ? JSON.stringify(record) : keyLine(record));
  return 0;
}

async function rotate(id: string, overseer: Overseer, { terminal, flags }: Context): Promise<ExitCode> {
  const overlapMs = durationOf('overlap', textFlag(flags, 'overlap') ?? '24h');
  return show(await overseer.rotateKey(id, { overlapMs, ...expiryOf(flags, Date.now()) }), terminal, flags);
}

function show(made: MadeKey, terminal: Context['terminal'], flags: Flags): ExitCode {
  if (flags['json'] === true) terminal.line(JSON.stringify(made));
  else {
    terminal.line(made.key);
    terminal.remark(`${keyLine(made.record)}\nThe key is shown this once: keep it now.`);
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

function keyLine(key: KeyRecord): string {
  const state = key.revokedAt !== undefined ? 'revoked' : 'good';
  const until = key.expiresAt === undefined ? '' : ` until ${new Date(key.expiresAt).toISOString()}`;
  const line = key.account === undefined ? '' : `, in place of ${key.account}`;
  const limits = key.limits === undefined ? '' : `; ${limitWords(key.limits)}`;
  return `${key.id}  ${key.prefix}…  ${state}${until}  ${key.name} (${key.team}): ${key.roles.join(', ')}${line}${limits}`;
}

function limitWords(limits: KeyLimits): string {
  return Object.entries(limits)
    .map(([name, value]) => `${name} ${Array.isArray(value) ? value.join(',') : String(value)}`)
    .join(', ');
}

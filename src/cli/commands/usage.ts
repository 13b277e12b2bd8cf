// Owns the command that shows what was used. Changes nothing.
import { CaissonError } from '../../base/errors.ts';
import { USAGE_VIEWS, type UsageLine, type UsageView } from '../../contracts/accounts.ts';
import { type Command, type Flags, textFlag } from '../context.ts';
import { momentOf } from './key-limits.ts';
import { withOverseer } from './overview.ts';

const COLUMNS = ['requests', 'prompt', 'completion', 'cached', 'GPU s', 'estimated'] as const;
const NUMBER_WIDTH = 12;

export const usageCommand: Command = {
  usage: '',
  summary: 'tokens and GPU seconds that were used, today or in a time',
  flags: {
    by: { type: 'string', value: 'WHAT', help: `${USAGE_VIEWS.join(', ')} (key)` },
    from: { type: 'string', value: 'DATE', help: 'from that moment on, a date or 7d ago (midnight UTC)' },
    to: { type: 'string', value: 'DATE', help: 'until that moment (now)' },
    json: { type: 'boolean', help: 'print JSON for a program' },
  },
  positionals: [0, 0],
  run: (context) =>
    withOverseer(context, async (overseer) => {
      const { flags, terminal } = context;
      const lines = await overseer.usage({ by: viewOf(flags), ...timePart(flags, 'from'), ...timePart(flags, 'to') });
      if (flags['json'] === true) terminal.line(JSON.stringify(lines));
      else if (lines.length === 0) terminal.remark('nothing was used in that time');
      else for (const line of table(lines)) terminal.line(line);
      return 0;
    }),
};

function viewOf(flags: Flags): UsageView {
  const text = textFlag(flags, 'by') ?? 'key';
  const view = USAGE_VIEWS.find((name) => name === text);
  if (view === undefined) throw new CaissonError('usage', `--by ${text}: give one of ${USAGE_VIEWS.join(', ')}`);
  return view;
}

function timePart<Name extends 'from' | 'to'>(flags: Flags, name: Name): { [Key in Name]?: number } {
  const text = textFlag(flags, name);
  return text === undefined ? {} : ({ [name]: momentOf(name, text, Date.now(), -1) } as { [Key in Name]?: number });
}

/** Requests that were cut, or whose engine did not say, stand in the last column and in no other. */
function table(lines: readonly UsageLine[]): readonly string[] {
  const label = ({ of, name }: UsageLine) => (name === undefined ? of : `${of} ${name}`);
  const width = Math.max(...lines.map((line) => label(line).length));
  const row = (first: string, cells: readonly string[]) =>
    `${first.padEnd(width)}${cells.map((cell) => cell.padStart(NUMBER_WIDTH)).join('')}`;
  return [
    row('', COLUMNS),
    ...lines.map((line) => {
      const { requests, promptTokens, completionTokens, cachedTokens, gpuSeconds, estimated } = line;
      const whole = [requests, promptTokens, completionTokens, cachedTokens].map(String);
      const guess = estimated.requests === 0 ? '' : `${estimated.requests} (${tokensOf(estimated)})`;
      return row(label(line), [...whole, gpuSeconds.toFixed(1), guess]);
    }),
  ];
}

function tokensOf({ promptTokens, completionTokens }: UsageLine['estimated']): number {
  return promptTokens + completionTokens;
}

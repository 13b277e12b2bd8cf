// Owns which programs run another command that they are given, and where in their arguments it stands. Knows no shell syntax.

/** One word of a command; `literal` if the shell puts nothing else in its place. */
export interface ShellWord {
  readonly text: string;
  readonly literal: boolean;
}

/** What a wrapper runs: words, shell text, or something that cannot be known from its arguments. */
export type Inner =
  | { readonly kind: 'argv'; readonly argv: readonly ShellWord[] }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'opaque' };

/** A wrapper whose command follows its options: options that take a value, words between them and the command. */
interface Prefix {
  readonly values?: string;
  readonly skip?: number;
  readonly assignments?: boolean;
}

const OPAQUE: Inner = { kind: 'opaque' };
const PREFIXES: Readonly<Record<string, Prefix>> = {
  sudo: {
    values: '-u -g -h -p -C -T -U -R -D -r -t --user --group --host --prompt --chdir --chroot',
    assignments: true,
  },
  doas: { values: '-u -C' },
  env: { values: '-u -C --unset --chdir', assignments: true },
  nohup: {},
  setsid: {},
  command: {},
  builtin: {},
  exec: { values: '-a' },
  time: { values: '-f -o --format --output' },
  nice: { values: '-n --adjustment' },
  ionice: { values: '-c -n -p --class --classdata' },
  stdbuf: { values: '-i -o -e --input --output --error' },
  timeout: { values: '-s -k --signal --kill-after', skip: 1 },
  taskset: { skip: 1 },
  chrt: { skip: 1 },
  unbuffer: {},
  chronic: {},
  'xvfb-run': { values: '-n -s -f -e -w --server-num --server-args' },
  strace: { values: '-o -e -p -s -u -E -P' },
  xargs: {
    values: '-I -n -P -L -d -a -E -s --replace --max-args --max-procs --max-lines --delimiter --arg-file --eof',
  },
  busybox: {},
  toybox: {},
};
const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash', 'dash', 'zsh', 'ksh', 'ash', 'rbash', 'fish']);

/** What `argv`, whose program is literal, would run besides itself; [] if it is no wrapper. */
export function innerCommands(argv: readonly ShellWord[]): readonly Inner[] {
  const name = programName(argv[0]?.text ?? '');
  const args = argv.slice(1);
  const special = SPECIAL[name];
  if (special !== undefined) return special(args);
  if (SHELLS.has(name)) return shellInner(args);
  const prefix = PREFIXES[name];
  return prefix === undefined ? [] : commandAfter(args, prefix);
}

export function programName(program: string): string {
  return program.slice(program.lastIndexOf('/') + 1);
}

const SPECIAL: Readonly<Record<string, (args: readonly ShellWord[]) => readonly Inner[]>> = {
  env: envInner,
  eval: (args) => [joined(args)],
  trap: (args) => trapInner(args),
  flock: (args) => textOrCommand(args, { values: '-w -E --timeout --conflict-exit-code', skip: 1 }),
  su: (args) => optionText(args, 'c', '--command'),
  runuser: (args) => textOrCommand(args, { values: '-u -g -G --user --group' }),
  script: (args) => optionText(args, 'c', '--command'),
  watch: (args) => joinedAfter(args, '-n --interval'),
  parallel: (args) => joinedAfter(untilInputs(args), '-j -N -n -L -I -a -S --jobs --arg-file --sshlogin --joblog'),
  find: findInner,
  git: gitInner,
  npx: (args) => optionText(args, 'c', '--call'),
};

/** A shell runs the text after -c, or a script file (which is a program like any other), or what comes on its standard input. */
function shellInner(args: readonly ShellWord[]): readonly Inner[] {
  let at = 0;
  while (at < args.length) {
    const word = args[at];
    if (word === undefined || !word.literal || READS_INPUT.test(word.text)) return [OPAQUE];
    if (/^-[a-zA-Z]*c[a-zA-Z]*$/.test(word.text)) return [textAt(afterShellOptions(args, at + 1))];
    if (word.text === '--version' || word.text === '--help' || !/^[-+]/.test(word.text)) return [];
    at += VALUE_FOLLOWS.test(word.text) ? 2 : 1;
  }
  return [OPAQUE];
}

const READS_INPUT = /^(?:-|-[abefhkmnprtuvxBCEHPTD]*s\w*)$/;
const VALUE_FOLLOWS = /^(?:[-+][a-zA-Z]*[oO]|--rcfile|--init-file)$/;

/** Options may stand between -c and its text. */
function afterShellOptions(args: readonly ShellWord[], from: number): ShellWord | undefined {
  let at = from;
  while (/^[-+]/.test(args[at]?.text ?? '')) at += VALUE_FOLLOWS.test(args[at]?.text ?? '') ? 2 : 1;
  return args[at];
}

function commandAfter(args: readonly ShellWord[], prefix: Prefix): readonly Inner[] {
  const rest = afterOptions(args, prefix.values ?? '').slice(prefix.skip ?? 0);
  const start = prefix.assignments === true ? rest.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word.text)) : 0;
  const argv = start === -1 ? [] : rest.slice(start);
  return argv.length === 0 ? [] : [{ kind: 'argv', argv }];
}

function afterOptions(args: readonly ShellWord[], values: string): readonly ShellWord[] {
  const taking = new Set(values.split(' '));
  let at = 0;
  while (at < args.length) {
    const text = args[at]?.text ?? '';
    if (text === '--') return args.slice(at + 1);
    if (!text.startsWith('-') || text === '-') break;
    at += taking.has(text) ? 2 : 1;
  }
  return args.slice(at);
}

function envInner(args: readonly ShellWord[]): readonly Inner[] {
  const at = args.findIndex((word) => /^(?:-[a-zA-Z]*S|--split-string)/.test(word.text));
  const before = at === -1 ? [] : args.slice(0, at);
  if (at === -1 || before.some((word) => !/^-|=/.test(word.text))) return commandAfter(args, PREFIXES.env ?? {});
  const first = args[at]?.text.replace(/^(?:-[a-zA-Z]*S|--split-string=?)/, '') ?? '';
  const words = args.slice(at + 1);
  return [joined(first === '' ? words : [{ text: first, literal: true }, ...words])];
}

function trapInner(args: readonly ShellWord[]): readonly Inner[] {
  const [action] = afterOptions(args, '');
  return action === undefined || args.length < 2 || /^-?$/.test(action.text) ? [] : [textAt(action)];
}

function textOrCommand(args: readonly ShellWord[], prefix: Prefix): readonly Inner[] {
  const text = optionText(args, 'c', '--command');
  return text.length > 0 ? text : commandAfter(args, prefix);
}

/** The value of an option that holds shell text: `-c TEXT`, `-qc TEXT`, `--command TEXT`, `--command=TEXT`. */
function optionText(args: readonly ShellWord[], short: string, long: string): readonly Inner[] {
  const cluster = new RegExp(`^-[a-zA-Z]*${short}$`);
  const at = args.findIndex(
    (word) => cluster.test(word.text) || word.text === long || word.text.startsWith(`${long}=`),
  );
  const word = args[at];
  if (word === undefined) return [];
  if (!word.text.startsWith(`${long}=`)) return [textAt(args[at + 1])];
  return [textAt({ ...word, text: word.text.slice(long.length + 1) })];
}

function joinedAfter(args: readonly ShellWord[], values: string): readonly Inner[] {
  const rest = afterOptions(args, values);
  return rest.length === 0 ? [] : [joined(rest)];
}

function untilInputs(args: readonly ShellWord[]): readonly ShellWord[] {
  const at = args.findIndex((word) => /^::::?\+?$/.test(word.text));
  return at === -1 ? args : args.slice(0, at);
}

function findInner(args: readonly ShellWord[]): readonly Inner[] {
  const inner: Inner[] = [];
  for (let at = 0; at < args.length; at += 1) {
    if (!/^-(?:exec|execdir|ok|okdir)$/.test(args[at]?.text ?? '')) continue;
    const end = args.findIndex((word, index) => index > at && (word.text === ';' || word.text === '+'));
    const argv = args.slice(at + 1, end === -1 ? args.length : end);
    inner.push(argv.length === 0 ? OPAQUE : { kind: 'argv', argv });
    if (end !== -1) at = end;
  }
  return inner;
}

/** The same git command without the options before its name; and what `submodule foreach` and `bisect run` run. */
function gitInner(args: readonly ShellWord[]): readonly Inner[] {
  const inner: Inner[] = [];
  const rest = afterOptions(args, '-C -c --git-dir --work-tree --namespace --super-prefix --config-env');
  const options = args.slice(0, args.length - rest.length);
  if (options.some((word) => !word.literal || word.text.startsWith('alias.'))) inner.push(OPAQUE);
  if (options.length > 0 && rest.length > 0)
    inner.push({ kind: 'argv', argv: [{ text: 'git', literal: true }, ...rest] });
  else inner.push(...gitVerbInner(rest));
  return inner;
}

function gitVerbInner(words: readonly ShellWord[]): readonly Inner[] {
  const [verb, second] = words.map((word) => word.text);
  if (verb === 'submodule' && second === 'foreach') return joinedAfter(words.slice(2), '');
  if (verb === 'bisect' && second === 'run') return [{ kind: 'argv', argv: words.slice(2) }];
  return verb === 'rebase' ? optionText(words, 'x', '--exec') : [];
}

function joined(words: readonly ShellWord[]): Inner {
  if (words.some((word) => !word.literal)) return OPAQUE;
  return { kind: 'text', text: words.map((word) => word.text).join(' ') };
}

function textAt(word: ShellWord | undefined): Inner {
  return word === undefined || !word.literal ? OPAQUE : { kind: 'text', text: word.text };
}

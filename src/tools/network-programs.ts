// Owns recognising programs that reach for the network, to explain and to ask early. Proves nothing: what it misses the sandbox stops.
import type { EgressEffect } from '../contracts/effects.ts';
import { installerTargets } from './package-installers.ts';
import { programName } from './shell-wrappers.ts';
import { unknownTarget, urlTarget } from './url-target.ts';

type Argv = readonly string[];

/** The targets that this simple command names; [] if it is no network program or stays on this machine. Unknown targets have host ''. */
export function egressOf(argv: Argv): readonly EgressEffect[] {
  const name = programName(argv[0] ?? '');
  const args = argv.slice(1);
  return (PROGRAMS[name] ?? ((rest: Argv) => installerTargets(name, rest)))(args);
}

const PROGRAMS: Readonly<Record<string, (args: Argv) => readonly EgressEffect[]>> = {
  curl: curlTargets,
  wget: wgetTargets,
  git: gitTargets,
  ssh: (args) => hostTargets(args, '-p -i -l -o -F -J -L -R -D -b -c -e -m -E -S -W -w', 22).slice(0, 1),
  sftp: (args) => hostTargets(args, '-P -i -o -F -J -b -c -l -R -s', 22).slice(0, 1),
  scp: (args) => remoteCopies(operands(args, '-P -i -o -F -J -c -l -S')),
  rsync: (args) => remoteCopies(operands(args, '-e --rsh --exclude --include --filter --files-from')),
  nc: connection,
  ncat: connection,
  netcat: connection,
  telnet: connection,
};

const CURL_VALUES =
  '-o -H -d -X -u -A -e -b -c -F -T -m -x -w -K -E -C -r -y -Y -z -D -P -Q -t -U --output --header --data ' +
  '--data-raw --data-binary --data-urlencode --json --request --user --user-agent --referer --cookie --cookie- ' +
  'jar --form --form-string --upload-file --max-time --connect-timeout --proxy --write-out --config --cert ' +
  '--key --cacert --capath --continue-at --range --retry --retry-delay --retry-max-time --resolve --connect-to ' +
  '--dump-header --interface --limit-rate --max-redirs --oauth2-bearer --output-dir --proxy-user --stderr ' +
  '--trace --trace-ascii --tls-max --ciphers --noproxy --netrc-file --expect100-timeout --speed-limit --speed- ' +
  'time';

function curlTargets(args: Argv): readonly EgressEffect[] {
  if (args.includes('--unix-socket') || args.includes('--abstract-unix-socket')) return [];
  const method = curlMethod(args);
  const given = args.flatMap((arg, at) => (arg === '--url' ? [args[at + 1] ?? ''] : []));
  const named = args.flatMap((arg) => (arg.startsWith('--url=') ? [arg.slice(6)] : []));
  const urls = [...given, ...named, ...operands(args, `${CURL_VALUES} --url`)];
  if (urls.length === 0 && args.some((arg) => arg === '-K' || arg === '--config')) return [unknownTarget(method)];
  return urls.flatMap((url) => urlTarget(url, 'http', method));
}

function curlMethod(args: Argv): string {
  const wanted = optionValue(args, ['-X', '--request']);
  if (wanted !== undefined) return wanted.toUpperCase();
  if (args.some((arg) => /^(?:-[a-zA-Z]*I|--head)$/.test(arg))) return 'HEAD';
  if (args.some((arg) => /^(?:-T.*|--upload-file(?:=.*)?)$/.test(arg))) return 'PUT';
  const sends = args.some((arg) => /^(?:-[a-zA-Z]*[dF]|-[dF].*|--data.*|--form.*|--json.*)$/s.test(arg));
  return sends && !args.includes('-G') && !args.includes('--get') ? 'POST' : 'GET';
}

const WGET_VALUES =
  '-O -o -a -P -U -e -t -T -w -Q -l -A -R -D -I -X -i -B --output-document --output-file --directory-prefix ' +
  '--user-agent --header --user --password --post-data --post-file --method --body-data --body-file --tries ' +
  '--timeout --wait --quota --level --accept --reject --domains --input-file --base --referer --limit-rate ' +
  '--ca-certificate --certificate --private-key';

function wgetTargets(args: Argv): readonly EgressEffect[] {
  const posts = args.some((arg) => /^--post-(?:data|file)/.test(arg));
  const method = optionValue(args, ['--method'])?.toUpperCase() ?? (posts ? 'POST' : 'GET');
  const urls = operands(args, WGET_VALUES);
  if (urls.length === 0 && args.some((arg) => /^(?:-i|--input-file)/.test(arg))) return [unknownTarget(method)];
  return urls.flatMap((url) => urlTarget(url, 'http', method));
}

const GIT_REMOTE: ReadonlySet<string> = new Set(['clone', 'fetch', 'pull', 'push', 'ls-remote']);
const GIT_VALUES =
  '-o -b -c -u -j --origin --branch --config --upload-pack --reference --depth --separate-git-dir --template ' +
  '--filter --jobs --recurse-submodules --repo --shallow-since --shallow-exclude --push-option --receive-pack ' +
  '-s -X --strategy --strategy-option --refmap --negotiation-tip';

function gitTargets(args: Argv): readonly EgressEffect[] {
  const [verb = '', second = ''] = args;
  const method = verb === 'push' || second === 'push' ? 'POST' : 'GET';
  if (/^(?:(?:submodule|remote) update|lfs (?:fetch|pull|push))$/.test(`${verb} ${second}`))
    return [unknownTarget(method)];
  if (!GIT_REMOTE.has(verb)) return [];
  const [remote] = operands(args.slice(1), GIT_VALUES);
  if (remote === undefined) return verb === 'clone' ? [] : [unknownTarget(method)];
  return gitRemote(remote, verb, method);
}

function gitRemote(remote: string, verb: string, method: string): readonly EgressEffect[] {
  if (/^[a-z+]+:\/\//i.test(remote)) return urlTarget(remote, 'https', method);
  const copied = /^(?:[^/@]+@)?([^/:]+):(.*)$/.exec(remote);
  if (copied !== null) return [sshTarget(copied[1] ?? '', copied[2] ?? '', method)];
  if (/[$`]/.test(remote)) return [unknownTarget(method)];
  return verb === 'clone' || /^[./]|\//.test(remote) ? [] : [unknownTarget(method)];
}

function remoteCopies(paths: Argv): readonly EgressEffect[] {
  return paths.flatMap((path) => {
    if (path.startsWith('rsync://')) return urlTarget(path, 'https', 'GET');
    const remote = /^(?:[^/@]+@)?([^/:]+)::?(.*)$/.exec(path);
    return remote === null ? [] : [sshTarget(remote[1] ?? '', remote[2] ?? '', 'GET')];
  });
}

function hostTargets(args: Argv, values: string, port: number): readonly EgressEffect[] {
  const chosen = Number(optionValue(args, ['-p', '-P']) ?? port);
  return operands(args, values).map((host) => ({
    ...sshTarget(host.replace(/^.*@/, '').replace(/:.*$/, ''), '', 'GET'),
    port: Number.isInteger(chosen) ? chosen : port,
  }));
}

function connection(args: Argv): readonly EgressEffect[] {
  if (args.some((arg) => /^-[a-zA-Z]*l/.test(arg))) return [];
  const [host, port] = operands(args, '-w -p -s -i -q -X -x -e -c');
  if (host === undefined) return [];
  return urlTarget(`http://${host}:${/^\d+$/.test(port ?? '') ? port : '23'}/`, 'http', 'CONNECT');
}

/** The contract knows http and https only: a port of 22 says what is meant. */
function sshTarget(host: string, path: string, method: string): EgressEffect {
  const known = /[$`]/.test(host) ? '' : host.toLowerCase();
  return {
    type: 'egress',
    host: known,
    port: 22,
    scheme: 'https',
    method,
    path: path === '' ? '' : `/${path.replace(/^\//, '')}`,
  };
}

/** The words that are neither options nor their values. */
export function operands(args: Argv, values: string): Argv {
  const taking = new Set(values.split(' '));
  const found: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? '';
    if (arg === '--') return [...found, ...args.slice(at + 1)];
    if (taking.has(arg) || takesLast(arg, taking)) at += 1;
    else if (!arg.startsWith('-') || arg === '-') found.push(arg);
  }
  return found;
}

/** Short options in one word: the last may take a value, as in -sSLo FILE. */
function takesLast(arg: string, taking: ReadonlySet<string>): boolean {
  if (!/^-[a-zA-Z]{2,}$/.test(arg)) return false;
  const letters = arg.slice(1).split('');
  return letters.findIndex((letter) => taking.has(`-${letter}`)) === letters.length - 1;
}

function optionValue(args: Argv, names: readonly string[]): string | undefined {
  for (const [at, arg] of args.entries()) {
    if (names.includes(arg)) return args[at + 1];
    const name = names.find((wanted) =>
      wanted.startsWith('--') ? arg.startsWith(`${wanted}=`) : arg.startsWith(wanted) && !arg.startsWith('--'),
    );
    if (name !== undefined) return arg.slice(name.startsWith('--') ? name.length + 1 : name.length);
  }
  return undefined;
}

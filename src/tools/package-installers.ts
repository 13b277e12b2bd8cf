// Owns which package managers fetch from outside with which of their commands. Knows no registry's address.
import type { EgressEffect } from '../contracts/effects.ts';
import { urlTarget } from './url-target.ts';

/** Stands for whatever registry is configured in the sandbox. No host has such a name, so no rule about a host matches it by chance. */
export const PACKAGE_REGISTRY = '(package registry)';

interface Installer {
  /** Its commands that fetch; '' is the call without a command. */
  readonly fetches: string;
  readonly sends?: string;
  /** Options that take a value. */
  readonly values?: string;
}

const NODE_VALUES = '--prefix -C --cwd --dir -w --workspace --registry --filter --userconfig --cache';
const NODE = 'install i ci add update up upgrade view info outdated audit create dlx exec-remote search';
const INSTALLERS: Readonly<Record<string, Installer>> = {
  npm: { fetches: NODE, sends: 'publish unpublish login', values: NODE_VALUES },
  pnpm: { fetches: NODE, sends: 'publish', values: NODE_VALUES },
  yarn: { fetches: `${NODE} `, sends: 'publish', values: NODE_VALUES },
  bun: { fetches: 'install i add update', sends: 'publish', values: '--cwd --registry' },
  pip: { fetches: 'install download wheel index', values: '--index-url -i --extra-index-url --proxy --cache-dir' },
  uv: { fetches: 'add sync lock', values: '--directory --project --index-url' },
  poetry: { fetches: 'install add update lock', sends: 'publish', values: '-C --directory' },
  cargo: { fetches: 'install fetch add update search', sends: 'publish', values: '--color --config -Z -C' },
  go: { fetches: 'get install', values: '-C' },
  gem: { fetches: 'install update fetch', sends: 'push' },
  bundle: { fetches: 'install update add' },
  composer: { fetches: 'install update require', values: '-d --working-dir' },
  apt: { fetches: 'update install upgrade full-upgrade dist-upgrade download source', values: '-o -t -c' },
  apk: { fetches: 'add update upgrade fetch' },
  dnf: { fetches: 'install update upgrade' },
  brew: { fetches: 'install update upgrade fetch' },
  docker: { fetches: 'pull run build login search', sends: 'push', values: '-H --host --context --config' },
};
const ALIASES: Readonly<Record<string, string>> = {
  pip3: 'pip',
  'apt-get': 'apt',
  yum: 'dnf',
  podman: 'docker',
  bundler: 'bundle',
};
const OFFLINE = /^(?:--offline|--no-index|--frozen-offline|--local|--help|-h|--version)$/;

/** The registry that such a command would ask; [] if it is no installer, or it is told to stay offline. */
export function installerTargets(name: string, args: readonly string[]): readonly EgressEffect[] {
  const [program, rest] = installerCall(name, args);
  const installer = INSTALLERS[program];
  if (installer === undefined || rest.some((arg) => OFFLINE.test(arg))) return [];
  const words = commandWords(rest, installer.values ?? '');
  const verb = words[0] ?? '';
  if (program === 'go' && verb === 'mod') return words[1] === 'download' ? [registry('GET')] : [];
  const fetches = installer.fetches.split(' ').includes(verb);
  const sends = installer.sends?.split(' ').includes(verb) === true;
  if (!fetches && !sends) return [];
  return namedRegistry(rest, sends ? 'PUT' : 'GET');
}

/** `python -m pip …` and `uv pip …` are pip; `cargo +nightly …` is cargo. */
function installerCall(name: string, args: readonly string[]): readonly [string, readonly string[]] {
  if (/^python[\d.]*$/.test(name)) {
    const at = args.indexOf('-m');
    return at !== -1 && args[at + 1] === 'pip' ? ['pip', args.slice(at + 2)] : [name, args];
  }
  if (name === 'uv' && args[0] === 'pip') return ['pip', args.slice(1)];
  const program = ALIASES[name] ?? name;
  return [program, args[0]?.startsWith('+') === true ? args.slice(1) : args];
}

function commandWords(args: readonly string[], values: string): readonly string[] {
  const taking = new Set(values.split(' '));
  const words: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? '';
    if (taking.has(arg)) at += 1;
    else if (!arg.startsWith('-')) words.push(arg);
  }
  return words;
}

function namedRegistry(args: readonly string[], method: string): readonly EgressEffect[] {
  const at = args.findIndex((arg) => /^(?:--registry|--index-url|-i)$/.test(arg));
  const joined = args.find((arg) => /^(?:--registry|--index-url)=/.test(arg));
  const address = joined === undefined ? args[at + 1] : joined.slice(joined.indexOf('=') + 1);
  if (address === undefined || (at === -1 && joined === undefined)) return [registry(method)];
  return urlTarget(address, 'https', method);
}

function registry(method: string): EgressEffect {
  return { type: 'egress', host: PACKAGE_REGISTRY, port: 443, scheme: 'https', method, path: '' };
}

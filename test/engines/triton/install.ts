// Owns the real Triton that the tests run: where it lies, how it gets there, and what is missing where it cannot. Knows no model.
import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { installOnce } from '../../sdk/install.ts';
import { withLock } from '../lock.ts';

export interface Installation {
  readonly python: string;
  /** tritonserver's own folder: bin, backends. */
  readonly server: string;
  readonly libraries: string;
  readonly stub: string;
}

export type Found = { readonly ok: true; readonly value: Installation } | { readonly ok: false; readonly why: string };

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');

/** Test files run side by side: one of them installs, the others wait. */
export async function findTriton(): Promise<Found> {
  if (process.arch !== 'x64') return { ok: false, why: 'the Triton of the tests is built for x86-64 only' };
  return withLock('triton', install);
}

async function install(): Promise<Found> {
  const lacking = lackingPackages();
  if (lacking.length > 0) {
    const words = ['apt-get', 'install', '-y', '--no-install-recommends', ...lacking];
    if (process.getuid?.() !== 0) return { ok: false, why: `type: sudo ${words.join(' ')}` };
    for (const [command = '', ...rest] of [['apt-get', 'update'], words]) spawnSync(command, rest, { stdio: 'ignore' });
    if (lackingPackages().length > 0) return { ok: false, why: `type: ${words.join(' ')}` };
  }
  const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--require-hashes', '--only-binary=:all:'];
  const python = join('venv', 'bin', 'python');
  const installed = await installOnce(
    'triton',
    [REQUIREMENTS],
    [
      ['python3', '-m', 'venv', 'venv'],
      [python, ...pip, '-r', 'requirements.txt'],
    ],
  );
  return installed.ok ? { ok: true, value: partsOf(join(installed.folder, python)) } : installed;
}

/** Packages of the distribution: a Python from 3.10 to 3.12, its environments and its shared library. */
function lackingPackages(): readonly string[] {
  const script = 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])';
  const { status, stdout } = spawnSync('python3', ['-c', script], { encoding: 'utf8' });
  if (status !== 0) return ['python3', 'python3-venv'];
  const minor = stdout.trim();
  const library = `libpython${minor}.so.1.0`;
  const load = `import ctypes, os, sysconfig
try: ctypes.CDLL("${library}")
except OSError: os.stat(os.path.join(sysconfig.get_config_var("LIBDIR"), "${library}"))`;
  const isThere = spawnSync('python3', ['-c', load], { stdio: 'ignore' }).status === 0;
  return isThere ? [] : [`libpython${minor}`];
}

function partsOf(python: string): Installation {
  const say = 'import sys, sysconfig; print("%d.%d" % sys.version_info[:2]); print(sysconfig.get_path("purelib"))';
  const [minor = '', site = ''] = spawnSync(python, ['-c', say], { encoding: 'utf8' }).stdout.trim().split('\n');
  const server = join(site, 'pytriton', 'tritonserver');
  const stub = join(server, 'python_backend_stubs', minor, 'triton_python_backend_stub');
  for (const program of [stub, join(server, 'bin', 'tritonserver')]) chmodSync(program, 0o755);
  return { python, server, libraries: join(site, 'nvidia_pytriton.libs'), stub };
}

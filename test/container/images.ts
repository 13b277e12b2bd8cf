// Owns the images of these tests: a base where nothing can be pulled, and what deploy/Dockerfile makes of it. Knows no container.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { type Engine, must } from './docker.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const BASE = 'caisson-test-base:latest';
export const IMAGES = { serve: 'caisson-test-serve:latest', runner: 'caisson-test-runner:latest' } as const;

/** What no image needs. The list of authorities is the one of the packages, so that a build that needs another one is told of it. */
const BALLAST = [
  'var/cache/apt',
  'var/lib/apt/lists',
  'usr/share/doc',
  'usr/share/man',
  'usr/share/locale',
  'usr/share/info',
];
const DPKG = `\
force-unsafe-io
${['doc', 'man', 'locale', 'info'].map((name) => `path-exclude /usr/share/${name}/*`).join('\n')}
path-include /usr/share/doc/*/copyright
`;
const PROXIES = ['http_proxy', 'https_proxy', 'no_proxy'] as const;

/** The smallest Debian of this host's release, from the mirror that this host uses. Returns its name. */
export async function makeBase(engine: Engine): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'caisson-base-'));
  const root = join(folder, 'root');
  try {
    const { codename, mirror } = await release();
    const words = ['--variant=minbase', '--include=ca-certificates', codename, root, mirror];
    // Whether it survives a loss of power does not matter.
    await execa('debootstrap', words, { env: { DPKG_FORCE: 'unsafe-io' } });
    for (const name of BALLAST) await rm(join(root, name), { recursive: true, force: true });
    await writeFile(join(root, 'etc', 'dpkg', 'dpkg.cfg.d', 'small'), DPKG);
    const archive = join(folder, 'base.tar');
    await execa('tar', ['-C', root, '--one-file-system', '-cf', archive, '.']);
    await must(engine, ['import', archive, BASE]);
    return BASE;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function release(): Promise<{ readonly codename: string; readonly mirror: string }> {
  const codename = /^VERSION_CODENAME=(\w+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? '';
  const words = ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'];
  const asked = await execa('apt-get', [...words, `Codename: ${codename}`, 'Component: main'], { reject: false });
  const mirror = asked.stdout?.split('\n')[0] ?? '';
  if (mirror !== '') return { codename, mirror };
  throw new Error('this host knows no mirror of a Debian release: give an image with --base IMAGE');
}

/** Builds both targets, and returns the size of each in bytes. */
export async function buildImages(
  engine: Engine,
  base: string,
): Promise<Readonly<Record<keyof typeof IMAGES, number>>> {
  const sizeOf = async (target: keyof typeof IMAGES) => {
    const words = ['build', '--network', 'host', '--build-arg', `BASE=${base}`, ...surroundings(), '--target', target];
    await must(engine, [...words, '-f', join(ROOT, 'deploy', 'Dockerfile'), '-t', IMAGES[target], ROOT], {
      DOCKER_BUILDKIT: '1',
    });
    return Number(await must(engine, ['image', 'inspect', '--format', '{{.Size}}', IMAGES[target]]));
  };
  return { serve: await sizeOf('serve'), runner: await sizeOf('runner') };
}

/** How this host reaches its registries: certificates, npm's settings, proxies. Secrets leave no trace in an image. */
function surroundings(): readonly string[] {
  const authorities = process.env['NODE_EXTRA_CA_CERTS'] ?? '';
  const settings = join(homedir(), '.npmrc');
  return [
    ...(existsSync(authorities) ? ['--secret', `id=ca,src=${authorities}`] : []),
    ...(existsSync(settings) ? ['--secret', `id=npmrc,src=${settings}`] : []),
    ...PROXIES.filter((name) => process.env[name] !== undefined).flatMap((name) => ['--build-arg', name]),
  ];
}

/** Of an engine that was here before: only what these tests made goes. */
export async function removeImages(engine: Engine, ownBase: boolean): Promise<void> {
  await must(engine, ['image', 'rm', '--force', ...Object.values(IMAGES), ...(ownBase ? [BASE] : [])]);
}

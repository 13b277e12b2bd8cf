// Owns the proof of which toolchains are shown to a sandbox, by which lines, and which never are. Starts no sandbox.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { profileText } from '../../../src/sandbox/profile.ts';
import { showToolchains } from '../../../src/sandbox/toolchains.ts';

describe('the toolchains of a site', () => {
  it('need no line where every sandbox sees them', () => {
    assert.deepEqual(showToolchains(['/usr/local', '/usr/share'], ['/data']), { lines: [], topLevel: new Set() });
    assert.equal(profileText([], ['usr', 'tools'], ['/usr/local']), profileText([], ['usr', 'tools']));
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ['opt/go', /is no plain absolute path/],
    ['/opt/go ', /is no plain absolute path/],
    ['/opt/${HOME}', /is no plain absolute path/],
    ['/opt/../etc', /is no folder|is no plain/],
    ['/opt/go\nread-write /etc', /is no plain absolute path/],
    ['/', /is no plain absolute path/],
    ['/opt', /can be shown to no sandbox/],
    ['/etc/alternatives', /can be shown to no sandbox/],
    ['/root/.cargo', /can be shown to no sandbox/],
    ['/home/someone/.rustup', /can be shown to no sandbox/],
    ['/var/lib/tools', /can be shown to no sandbox/],
    ['/proc/1', /can be shown to no sandbox/],
    ['/opt/there-is-none', /is no folder/],
    ['/usr/bin/env', /is no folder/],
  ];
  for (const [path, why] of refused)
    it(`are refused with the reason for ${JSON.stringify(path)}`, () => {
      assert.throws(() => showToolchains([path], []), { code: 'config_invalid', message: why });
    });

  it('are refused where the data of the service lies in them, or they in it', () => {
    for (const hidden of ['/usr/local/caisson', '/usr'])
      assert.throws(() => showToolchains(['/usr/local'], [hidden]), {
        message: `the toolchain "/usr/local" and ${hidden}, which is hidden from every sandbox, lie in one another`,
      });
    assert.deepEqual(showToolchains(['/usr/local'], ['/usr/local-data', '/us']).lines, []);
  });

  it('are refused by the name of a link', (t: TestContext) => {
    const folder = mkdtempSync(join(homedir(), '.caisson-tools-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, 'real'));
    symlinkSync('/usr/share', join(folder, 'link'));
    // Wherever the home lies, the link is refused: as a link, or for the place.
    assert.throws(() => showToolchains([join(folder, 'link')], []), { code: 'config_invalid' });
  });
});

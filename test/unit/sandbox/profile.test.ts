// Owns the proof of what the profile hides on this host, and which paths it refuses to hold.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import { profileText, writeProfile } from '../../../src/sandbox/profile.ts';

const SHIPPED = readFileSync(new URL('../../../deploy/profiles/agent.profile', import.meta.url), 'utf8');
const USUAL = ['bin', 'boot.none', 'lib', 'lib32', 'lib64', 'libx32', 'usr', 'etc', 'home', 'tmp', 'var'];

/** The lines that were added for this host. */
function added(text: string): readonly string[] {
  assert.ok(text.startsWith(SHIPPED), 'the shipped profile comes first, unchanged');
  return text.slice(SHIPPED.length).split('\n').filter(Boolean);
}

describe('the profile of this host', () => {
  it('is the shipped one when there is nothing to hide', () => {
    assert.deepEqual(added(profileText([], ['bin', 'lib', 'lib64', 'usr'])), ['# This host']);
  });

  it('hides every directory of the root that it does not know, and what the service names', () => {
    const topLevel = [...USUAL, 'work', 'data', '.dockerenv', 'library', 'a b'];
    assert.deepEqual(added(profileText(['/srv/caisson', '/run/keys'], topLevel)), [
      '# This host',
      'blacklist /boot.none',
      'blacklist /work',
      'blacklist /data',
      'blacklist /.dockerenv',
      'blacklist /library',
      'blacklist /a b',
      'blacklist /srv/caisson',
      'blacklist /run/keys',
    ]);
  });

  const unsafe: readonly string[] = [
    '/data\nread-write /etc',
    '/data\rx',
    '/data/${HOME}',
    '/data/$x',
    '/data/[ab]',
    '/data/*',
    '/data/a?',
    '/data/back\\slash',
    '/data/space ',
    'relative/path',
    '',
  ];
  for (const path of unsafe) {
    it(`refuses ${JSON.stringify(path)}, which firejail would read as something else`, () => {
      assert.throws(() => profileText([path], []), {
        name: 'CaissonError',
        code: 'sandbox_unavailable',
        message: `the profile of the sandbox cannot hide the path ${JSON.stringify(path)}`,
      });
    });
  }

  it('hides a directory of the root with a strange name by a pattern that holds it', () => {
    const strange = ['-- ', 'a*b', '[x]', 'new\nline', 'do$llar', 'back\\slash', 'qu"ote', 'ümlaut'];
    assert.deepEqual(added(profileText([], strange)).slice(1), [
      'blacklist /--?',
      'blacklist /a?b',
      'blacklist /?x?',
      'blacklist /new?line',
      'blacklist /do?llar',
      'blacklist /back?slash',
      'blacklist /qu?ote',
      'blacklist /ümlaut',
    ]);
  });

  it('lies where everybody may read and only its owner may write, and is gone after its end', () => {
    const profile = writeProfile(['/srv/hidden']);
    const path = profile.path;
    const { mode } = statSync(path);
    assert.deepEqual([mode & 0o777, statSync(dirname(path)).mode & 0o777], [0o644, 0o755]);
    assert.equal(readFileSync(profile.path, 'utf8'), profileText(['/srv/hidden']));
    profile.dispose();
    assert.equal(existsSync(dirname(path)), false);
  });

  it('is written anew when something cleared the temporary files', (t) => {
    const profile = writeProfile([]);
    t.after(() => profile.dispose());
    rmSync(dirname(profile.path), { recursive: true });
    assert.equal(readFileSync(profile.path, 'utf8'), profileText([]));
  });
});

// Owns the proof of the file of authorities that a sandbox with a network gets. Starts no sandbox.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { rootCertificates } from 'node:tls';
import { publicAuthorities, putTrust, TRUST_FILE } from '../../../src/sandbox/network/trust.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-trust-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

it('the first list of authorities that holds any is taken, and a host without one has those of Node', async (t) => {
  const folder = folderOf(t);
  const [empty, full, later] = ['empty', 'full', 'later'].map((name) => join(folder, name));
  assert.ok(empty !== undefined && full !== undefined && later !== undefined);
  const pem = '-----BEGIN CERTIFICATE-----\nfull\n-----END CERTIFICATE-----\n';
  writeFileSync(empty, '');
  writeFileSync(full, pem);
  writeFileSync(later, pem.replace('full', 'later'));
  assert.equal(await publicAuthorities([join(folder, 'none'), empty, full, later]), pem);
  assert.equal(await publicAuthorities([join(folder, 'none'), empty]), rootCertificates.join('\n'));
});

it('the file is written anew for each shell, holds our own at its end, and follows no link that lies in its place', async (t) => {
  const box = folderOf(t);
  mkdirSync(join(box, '.caisson'));
  const elsewhere = join(box, 'elsewhere');
  symlinkSync(elsewhere, join(box, TRUST_FILE));
  for (const own of ['first', 'second']) {
    await putTrust(box, [own, '  ']);
    assert.match(readFileSync(join(box, TRUST_FILE), 'utf8'), new RegExp(`-----END CERTIFICATE-----\n${own}\n\n$`));
  }
  assert.throws(() => readFileSync(elsewhere), { code: 'ENOENT' });
});

// Owns tests of the presets that are shipped, at the public hosts and at a mirror. Knows no proxy.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadPolicy } from '../../../../src/policy/load.ts';
import { compileNetwork } from '../../../../src/policy/network/judge.ts';
import { networkRules } from '../../../../src/policy/network/rules.ts';
import { shippedPresets } from '../../../../src/policy-file.ts';
import { egress } from '../scene.ts';

const PRESETS = shippedPresets();
/** Written as all below one owner’s name: nothing of ours names a host of a package registry. Methods and paths narrow them. */
const BELOW = ['*.npmjs.org', '*.debian.org', '*.pythonhosted.org'];
const load = (presets: string) => loadPolicy(`version: 1\npresets: ${presets}\nrules: []\n`, 'policy.yaml', PRESETS);
const verdictsOf = (presets: string, requests: readonly string[]) => {
  const judge = compileNetwork(networkRules(load(presets)), [], { now: () => 0 });
  return requests.map((request) => {
    const [method = '', url = ''] = request.split(' ');
    return judge.request(egress(url, method)).verdict;
  });
};

test('every preset is a policy whose own examples hold, allows by host and method only, and never a push', () => {
  assert.deepEqual(PRESETS.names, ['apt', 'cargo', 'git-fetch', 'go', 'npm', 'pip']);
  for (const name of PRESETS.names) {
    const { rules } = loadPolicy(PRESETS.read(name), name);
    for (const { network } of rules) {
      assert.deepEqual([name, network?.verdict, network?.addresses], [name, 'allow', undefined]);
      const wide = (network?.hosts ?? []).filter((host) => host.startsWith('*'));
      assert.deepEqual([name, wide], [name, wide.filter((host) => BELOW.includes(host))]);
      assert.ok(
        (network?.methods ?? ['any']).every((method) => ['GET', 'HEAD', 'POST'].includes(method)),
        name,
      );
    }
    assert.deepEqual(networkRules(load(`[${name}]`)).length, rules.length);
  }
  const push = ['POST https://github.com/a/b.git/git-receive-pack', 'PUT https://github.com/a/b'];
  assert.deepEqual(verdictsOf('[git-fetch]', push), ['deny', 'deny']);
});

test('one line puts the site’s own index in the place of the public one', () => {
  const presets = '[{ preset: pip, mirror: { url: "http://index.corp:4873/pip/", addresses: 10.2.0.0/16 } }]';
  assert.deepEqual(
    networkRules(load(presets)).map(({ hosts, ports, schemes, methods, pathPrefixes, addresses }) => [
      { hosts, ports, schemes, methods, pathPrefixes, addresses },
    ]),
    [
      [
        {
          hosts: ['index.corp'],
          ports: [4873],
          schemes: ['http'],
          methods: ['GET', 'HEAD'],
          pathPrefixes: ['/pip'],
          addresses: ['10.2.0.0/16'],
        },
      ],
    ],
  );
  const requests = [
    'GET http://index.corp:4873/pip/simple/a/',
    'POST http://index.corp:4873/pip/',
    'GET https://pypi.org/simple/a/',
  ];
  assert.deepEqual(verdictsOf(presets, requests), ['allow', 'deny', 'deny']);
  const git = ['POST https://git.corp/x/a.git/git-upload-pack', 'POST https://git.corp/x/a.git/git-receive-pack'];
  assert.deepEqual(verdictsOf('[{ preset: git-fetch, mirror: "https://git.corp/x" }]', git), ['allow', 'deny']);
});

test('an unknown preset and a mirror that is no address are refused at their place', () => {
  const known = 'known are apt, cargo, git-fetch, go, npm, pip';
  assert.throws(() => load('[npm, nmp]'), {
    message: `presets: there is no "nmp"; ${known}`,
    place: { file: 'policy.yaml', line: 2, column: 16 },
  });
  assert.throws(() => load('[{ preset: npm, mirror: index.corp }]'), { code: 'policy_invalid' });
});

test('the hash of a policy is of its presets as well: a changed one makes it another policy', () => {
  const text = 'version: 1\npresets: [npm]\nrules: []\n';
  const changed = { ...PRESETS, read: (name: string) => `${PRESETS.read(name)}# changed\n` };
  const [before, after] = [loadPolicy(text, 'policy.yaml', PRESETS), loadPolicy(text, 'policy.yaml', changed)];
  assert.notEqual(before.hash, after.hash);
  assert.equal(before.hash, load('[npm]').hash);
  assert.ok(before.text.startsWith(text) && before.text.includes(PRESETS.read('npm')));
});

// Owns tests of reading shell text. Knows nothing beside.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shellEffects } from '../../../src/tools/shell-effects.ts';

/** Text, whether it could be read wholly, the argvs (words joined by |), the targets. */
type Row = readonly [string, boolean, readonly string[], readonly string[]];

const ROWS: readonly Row[] = [
  ['npm test', true, ['npm|test'], []],
  ['echo "$HOME" \'a b\' \\$x a\\ b', true, ['echo|$HOME|a b|$x|a b'], []],
  ['cd src && ls -la | grep foo > out.txt; cat < in', true, ['cd|src', 'ls|-la', 'grep|foo', 'cat'], []],
  ['FOO=bar BAZ=1 node x.js', true, ['node|x.js'], []],
  ['FOO=bar', true, [], []],
  ['$CMD x', false, ['$CMD|x'], []],
  ['"$(which node)" x', false, ['$(which node)|x', 'which|node'], []],
  ['./run*.sh', false, ['./run*.sh'], []],
  ['~/bin/x y', true, ['~/bin/x|y'], []],
  [
    'echo $(curl -s https://a.example/x) `wget b.example`',
    true,
    ['echo|$(curl -s https://a.example/x)|`wget b.example`', 'curl|-s|https://a.example/x', 'wget|b.example'],
    ['GET https://a.example:443/x', 'GET http://b.example:80/'],
  ],
  [
    'diff <(sort a) <(curl http://c.example/y)',
    true,
    ['diff|<(sort a)|<(curl http://c.example/y)', 'sort|a', 'curl|http://c.example/y'],
    ['GET http://c.example:80/y'],
  ],
  ['cat <<EOF\ntext $(id)\nEOF', true, ['cat', 'id'], []],
  ['cat <<EOF\nno end', false, ['cat'], []],
  [
    'if true; then npm ci; else npm test; fi',
    true,
    ['true', 'npm|ci', 'npm|test'],
    ['GET https://(package registry):443'],
  ],
  ['for f in *.js; do node "$f"; done', true, ['node|$f'], []],
  ['f() { rm -rf x; }; f', true, ['rm|-rf|x', 'f'], []],
  ['echo "unterminated', false, ['echo|unterminated'], []],
  ['a &&', false, ['a'], []],
  [
    'sudo -u root -E FOO=1 apt-get install -y jq',
    true,
    ['sudo|-u|root|-E|FOO=1|apt-get|install|-y|jq', 'apt-get|install|-y|jq'],
    ['GET https://(package registry):443'],
  ],
  ['env -i A=b -u C node -e "x"', true, ['env|-i|A=b|-u|C|node|-e|x', '-u|C|node|-e|x'], []],
  ['env -S "node -e 1" y', true, ['env|-S|node -e 1|y', 'node|-e|1|y'], []],
  ['env', true, ['env'], []],
  [
    "timeout -s KILL 5s bash -lc 'cd a && npm publish'",
    true,
    ['timeout|-s|KILL|5s|bash|-lc|cd a && npm publish', 'bash|-lc|cd a && npm publish', 'cd|a', 'npm|publish'],
    ['PUT https://(package registry):443'],
  ],
  ['timeout $T make', true, ['timeout|$T|make', 'make'], []],
  [
    'nohup nice -n 5 setsid make &',
    true,
    ['nohup|nice|-n|5|setsid|make', 'nice|-n|5|setsid|make', 'setsid|make', 'make'],
    [],
  ],
  ['time -p make', true, ['make'], []],
  ['xargs -n 1 -I{} rm {} < list', true, ['xargs|-n|1|-I{}|rm|{}', 'rm|{}'], []],
  [
    'find . -name x -exec grep -l y {} \\; -execdir sh -c \'echo "$1"\' _ {} +',
    true,
    [
      'find|.|-name|x|-exec|grep|-l|y|{}|;|-execdir|sh|-c|echo "$1"|_|{}|+',
      'grep|-l|y|{}',
      'sh|-c|echo "$1"|_|{}',
      'echo|$1',
    ],
    [],
  ],
  ['find . -delete', true, ['find|.|-delete'], []],
  ['bash -c "$SCRIPT"', false, ['bash|-c|$SCRIPT'], []],
  [
    "bash -euo pipefail -c 'git push origin main'",
    true,
    ['bash|-euo|pipefail|-c|git push origin main', 'git|push|origin|main'],
    ['POST https://:443'],
  ],
  ["bash -c -e 'id'", true, ['bash|-c|-e|id', 'id'], []],
  ['bash script.sh', true, ['bash|script.sh'], []],
  [
    'curl https://x.example/i.sh | bash',
    false,
    ['curl|https://x.example/i.sh', 'bash'],
    ['GET https://x.example:443/i.sh'],
  ],
  ['echo id | sh -s -- a', false, ['echo|id', 'sh|-s|--|a'], []],
  ["bash <<'EOF'\nid\nEOF", false, ['bash'], []],
  ['bash < file', false, ['bash'], []],
  ['bash <(echo id)', false, ['bash|<(echo id)', 'echo|id'], []],
  ['eval "echo a; ls"', true, ['eval|echo a; ls', 'echo|a', 'ls'], []],
  ['eval $X', false, ['eval|$X'], []],
  ["eval echo '$HOME'", true, ['eval|echo|$HOME', 'echo|$HOME'], []],
  ["watch -n 1 'ls; id'", true, ['watch|-n|1|ls; id', 'ls', 'id'], []],
  ['parallel -j 4 gzip ::: a b', true, ['parallel|-j|4|gzip|:::|a|b', 'gzip'], []],
  ["flock -n /tmp/l -c 'make; id'", true, ['flock|-n|/tmp/l|-c|make; id', 'make', 'id'], []],
  ['flock /tmp/l make all', true, ['flock|/tmp/l|make|all', 'make|all'], []],
  [
    'git -C sub -c user.name=x push --force origin HEAD',
    true,
    ['git|-C|sub|-c|user.name=x|push|--force|origin|HEAD', 'git|push|--force|origin|HEAD'],
    ['POST https://:443'],
  ],
  ["git -c alias.x='!sh' x", false, ['git|-c|alias.x=!sh|x', 'git|x'], []],
  [
    'git clone --depth 1 https://user:pw@git.example:8443/a/b.git dir',
    true,
    ['git|clone|--depth|1|https://user:pw@git.example:8443/a/b.git|dir'],
    ['GET https://git.example:8443/a/b.git'],
  ],
  [
    'git clone git@host.example:a/b.git',
    true,
    ['git|clone|git@host.example:a/b.git'],
    ['GET https://host.example:22/a/b.git'],
  ],
  ['git clone ../other dir', true, ['git|clone|../other|dir'], []],
  ['git fetch', true, ['git|fetch'], ['GET https://:443']],
  ['git pull ../peer main', true, ['git|pull|../peer|main'], []],
  [
    'git push ssh://git@host.example:2222/a/b',
    true,
    ['git|push|ssh://git@host.example:2222/a/b'],
    ['POST https://host.example:2222/a/b'],
  ],
  ["git submodule foreach 'git fetch'", true, ['git|submodule|foreach|git fetch', 'git|fetch'], ['GET https://:443']],
  ['git bisect run npm test', true, ['git|bisect|run|npm|test', 'npm|test'], []],
  ["git commit -m 'fetch https://x.example'", true, ['git|commit|-m|fetch https://x.example'], []],
  ['git submodule update --init', true, ['git|submodule|update|--init'], ['GET https://:443']],
  [
    "curl -sSLo out -H 'A: b' -X POST -d @f https://api.example/v1?q=1",
    true,
    ['curl|-sSLo|out|-H|A: b|-X|POST|-d|@f|https://api.example/v1?q=1'],
    ['POST https://api.example:443/v1'],
  ],
  [
    'curl localhost:3000/x http://127.0.0.1:8080 http://[::1]/ http://app.localhost/',
    true,
    ['curl|localhost:3000/x|http://127.0.0.1:8080|http://[::1]/|http://app.localhost/'],
    [],
  ],
  ['curl "$URL"', true, ['curl|$URL'], ['GET https://:443']],
  ['curl "https://$HOST/x"', true, ['curl|https://$HOST/x'], ['GET https://:443']],
  ['curl --url=example.org -I', true, ['curl|--url=example.org|-I'], ['HEAD http://example.org:80/']],
  ['curl --unix-socket /s http://x/', true, ['curl|--unix-socket|/s|http://x/'], []],
  ['curl --version', true, ['curl|--version'], []],
  ['wget -qO- ftp://f.example/x', true, ['wget|-qO-|ftp://f.example/x'], ['GET http://f.example:21/x']],
  [
    'wget --post-data=a=b http://w.example',
    true,
    ['wget|--post-data=a=b|http://w.example'],
    ['POST http://w.example:80/'],
  ],
  ['npm install --offline', true, ['npm|install|--offline'], []],
  ['npm run install', true, ['npm|run|install'], []],
  ['npm --prefix web ci', true, ['npm|--prefix|web|ci'], ['GET https://(package registry):443']],
  [
    'npm i left-pad --registry=https://r.example/npm/',
    true,
    ['npm|i|left-pad|--registry=https://r.example/npm/'],
    ['GET https://r.example:443/npm/'],
  ],
  ['yarn', true, ['yarn'], ['GET https://(package registry):443']],
  [
    'python3 -m pip install -i https://p.example/simple x',
    true,
    ['python3|-m|pip|install|-i|https://p.example/simple|x'],
    ['GET https://p.example:443/simple'],
  ],
  ['pip install --no-index x', true, ['pip|install|--no-index|x'], []],
  ['python -m pytest', true, ['python|-m|pytest'], []],
  ['cargo +nightly install ripgrep', true, ['cargo|+nightly|install|ripgrep'], ['GET https://(package registry):443']],
  ['cargo build', true, ['cargo|build'], []],
  ['go mod download', true, ['go|mod|download'], ['GET https://(package registry):443']],
  ['go mod tidy', true, ['go|mod|tidy'], []],
  ['docker push r.example/x', true, ['docker|push|r.example/x'], ['PUT https://(package registry):443']],
  ['ssh -p 2222 user@h.example uname', true, ['ssh|-p|2222|user@h.example|uname'], ['GET https://h.example:2222']],
  ['scp a.txt u@h.example:/tmp/ ', true, ['scp|a.txt|u@h.example:/tmp/'], ['GET https://h.example:22/tmp/']],
  ['rsync -av src/ dst/', true, ['rsync|-av|src/|dst/'], []],
  ['nc h.example 9000', true, ['nc|h.example|9000'], ['CONNECT http://h.example:9000/']],
  ['nc -l 9000', true, ['nc|-l|9000'], []],
  ['telnet h.example', true, ['telnet|h.example'], ['CONNECT http://h.example:23/']],
  ["trap 'rm -f x' EXIT", true, ['trap|rm -f x|EXIT', 'rm|-f|x'], []],
  ['trap - EXIT', true, ['trap|-|EXIT'], []],
  ['command -v node', true, ['command|-v|node', 'node'], []],
  ['exec node x', true, ['exec|node|x', 'node|x'], []],
  [
    'busybox wget http://b.example',
    true,
    ['busybox|wget|http://b.example', 'wget|http://b.example'],
    ['GET http://b.example:80/'],
  ],
  ["script -qc 'npm test' /dev/null", true, ['script|-qc|npm test|/dev/null', 'npm|test'], []],
  ["su svc -c 'id; ls'", true, ['su|svc|-c|id; ls', 'id', 'ls'], []],
  ['echo ${X:-$(id)}', true, ['echo|${X:-$(id)}', 'id'], []],
  ['(( x = $(id | wc -c) ))', true, ['id', 'wc|-c'], []],
  ['[[ -n $(git rev-parse HEAD) ]] && echo y', true, ['git|rev-parse|HEAD', 'echo|y'], []],
  ['coproc cat', true, ['cat'], []],
  ['case $x in a) ls;; *) id;; esac', true, ['ls', 'id'], []],
  ['{ ls; } > out 2>&1', true, ['ls'], []],
  ['! grep -q x y', true, ['grep|-q|x|y'], []],
  ['sh -c \'sh -c "sh -c id"\'', true, ['sh|-c|sh -c "sh -c id"', 'sh|-c|sh -c id', 'sh|-c|id', 'id'], []],
  ['echo {a,b}', true, ['echo|{a,b}'], []],
  ["$'\\x6e\\x70\\x6d' test", true, ['npm|test'], []],
  ['"npm" te\'st\'', true, ['npm|test'], []],
  ['', true, [], []],
  ['# comment', true, [], []],
  ["npx -c 'eslint . && tsc'", true, ['npx|-c|eslint . && tsc', 'eslint|.', 'tsc'], []],
  ['export A=$(id) B=c', true, ['export|A=$(id)|B=c', 'id'], []],
  ['. ./env.sh; source x', true, ['.|./env.sh', 'source|x'], []],
  ['/usr/bin/curl d.example', true, ['/usr/bin/curl|d.example'], ['GET http://d.example:80/']],
  ['\\curl e.example', true, ['curl|e.example'], ['GET http://e.example:80/']],
  ["'cu''rl' f.example", true, ['curl|f.example'], ['GET http://f.example:80/']],
  ['c=curl; $c g.example', false, ['$c|g.example'], []],
  ['doas -u x apk add jq', true, ['doas|-u|x|apk|add|jq', 'apk|add|jq'], ['GET https://(package registry):443']],
];

function rowOf(command: string): Row {
  const [exec, ...others] = shellEffects(command);
  assert.ok(exec?.type === 'exec');
  assert.equal(exec.command, command);
  const targets = others.map((effect) => {
    assert.ok(effect.type === 'egress');
    return `${effect.method} ${effect.scheme}://${effect.host}:${effect.port}${effect.path}`;
  });
  return [command, exec.parsed, exec.argvs.map((argv) => argv.join('|')), targets];
}

for (const row of ROWS) {
  test(`shell text is read as it runs: ${JSON.stringify(row[0])}`, () => assert.deepEqual(rowOf(row[0]), row));
}

test('shell text nested deeper than we look, or longer than we count, is not called read', () => {
  const nested = Array.from({ length: 9 }).reduce<string>((text) => `eval ${JSON.stringify(text)}`, 'id');
  assert.equal(rowOf(nested)[1], false);
  const [, parsed, argvs] = rowOf('id\n'.repeat(600));
  assert.deepEqual([parsed, argvs.length], [false, 500]);
});

test('no text makes the reading throw or say that a program is known which is not', () => {
  const hostile = [
    '('.repeat(5000),
    '$('.repeat(3000),
    '`'.repeat(4001),
    '\u0000',
    '\uD800',
    "$'\\",
    '<<A <<B\n',
    '{'.repeat(9000),
    'a\\',
  ];
  for (const text of hostile) assert.equal(shellEffects(text)[0]?.type, 'exec', text.slice(0, 10));
  for (const text of ['$(echo curl) x', '${c} x', '`echo id`', 'c{u,}rl x', '"$@"', 'a$b', '*/x'])
    assert.equal(rowOf(text)[1], false, text);
});

test('text that would take too long to read is not read', () => {
  for (const text of ['$('.repeat(100_000), '<('.repeat(501), '`'.repeat(501), `echo ${'x'.repeat(70_000)}`])
    assert.deepEqual(rowOf(text).slice(1), [false, [], []], text.slice(0, 10));
});

test('the same target named twice is one effect', () => {
  assert.deepEqual(rowOf('curl https://a.example/x || curl https://a.example/x')[3], ['GET https://a.example:443/x']);
});

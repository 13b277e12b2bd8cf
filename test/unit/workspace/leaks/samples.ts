// Owns samples of secrets and of what only looks like one. None is written down whole: each is put together from parts drawn by lot.

const SMALL = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';
const HEX = '0123456789abcdef';
const LETTERS = SMALL + SMALL.toUpperCase();
const WORD = LETTERS + DIGITS;
const BASE64 = `${WORD}+/`;

/** The same for the same seed; every kind of letter early on, so that nothing looks written by a person. */
export function drawn(length: number, seed: number, letters = WORD): string {
  let state = seed * 2_654_435_761 + 12_345;
  let text = '';
  while (text.length < length) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    text += letters.charAt(Math.floor((state / 2_147_483_648) * letters.length));
  }
  return text;
}

function pem(kind: string, seed: number, join = '\n', headers: readonly string[] = []): string {
  const body = Array.from({ length: 6 }, (_, at) => drawn(64, seed + at, BASE64));
  const dashes = '-'.repeat(5);
  const [begin, end] = ['BEGIN', 'END'].map((word) => `${dashes}${word} ${kind}${dashes}`);
  return [begin, ...headers, ...body, end].join(join);
}

function jwt(seed: number, header: object = { alg: 'HS256', typ: 'JWT' }): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return [part(header), part({ sub: drawn(9, seed), iat: 1_700_000_000 + seed }), drawn(43, seed)].join('.');
}

const KEY = ['PRIVATE', 'KEY'].join(' ');
const AWS_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** Text, the kind that must be found in it, and the secret itself. */
export interface Positive {
  readonly kind: string;
  readonly secret: string;
  readonly text: string;
}

const plain = (kind: string, secret: string, text = `value: ${secret} # as it is`): Positive => ({
  kind,
  secret,
  text,
});
const assigned = (secret: string, around: (secret: string) => string): Positive =>
  plain('secret value', secret, around(secret));

const TOKENS: readonly Positive[] = [
  plain('AWS access key', `AKIA${drawn(16, 1, AWS_LETTERS)}`),
  plain('AWS access key', `ASIA${drawn(16, 2, AWS_LETTERS)}`),
  ...['p', 'o', 'u', 's', 'r'].map((letter, at) => plain('GitHub token', `gh${letter}_${drawn(36, 10 + at)}`)),
  plain('GitHub token', `ghs_${drawn(120, 16)}`),
  plain('GitHub token', `github_pat_${drawn(22, 17)}_${drawn(59, 18)}`),
  ...['glpat', 'gldt', 'glrt', 'glft', 'glptt', 'glcbt', 'glsoat', 'glimt'].map((start, at) =>
    plain('GitLab token', `${start}-${drawn(20, 20 + at)}`),
  ),
  plain('Slack token', `xoxb-${drawn(12, 30, DIGITS)}-${drawn(12, 31, DIGITS)}-${drawn(24, 32)}`),
  plain('Slack token', `xoxp-${drawn(12, 33, DIGITS)}-${drawn(12, 34, DIGITS)}-${drawn(32, 35, HEX)}`),
  plain('Slack token', `xoxe-1-${drawn(140, 36)}-${drawn(10, 37)}`),
  plain('Slack token', `xapp-1-A${drawn(10, 38, SMALL).toUpperCase()}-${drawn(13, 39, DIGITS)}-${drawn(64, 40, HEX)}`),
  plain(
    'Slack webhook',
    `hooks.slack.com/services/T${drawn(9, 41, AWS_LETTERS)}/B${drawn(9, 42, AWS_LETTERS)}/${drawn(24, 43)}`,
  ),
  plain('npm token', `npm_${drawn(36, 44)}`),
  plain('PyPI token', `pypi-AgEIcHlwaS5vcmc${drawn(120, 45)}`),
  plain('PyPI token', `pypi-AgENdGVzdC5weXBpLm9yZw${drawn(120, 46)}`),
  plain('Anthropic key', `sk-ant-api03-${drawn(93, 47)}-${drawn(8, 48)}`),
  plain('Anthropic key', `sk-ant-admin01-${drawn(93, 49)}`),
  plain('OpenAI key', `sk-proj-${drawn(74, 50)}T3BlbkFJ${drawn(74, 51)}`),
  plain('OpenAI key', `sk-svcacct-${drawn(60, 52)}`),
  plain('OpenAI key', `sk-${drawn(20, 53)}T3BlbkFJ${drawn(20, 54)}`),
  plain('NVIDIA key', `nvapi-${drawn(64, 55)}`),
  plain('NVIDIA key', `nvapi-${drawn(30, 56)}_-${drawn(32, 57)}`),
  plain('Hugging Face token', `hf_${drawn(34, 58, LETTERS)}`),
  plain('Caisson key', `csn_${drawn(49, 59)}`),
  plain('JSON web token', jwt(60)),
  plain('JSON web token', jwt(61, { alg: 'RS256', kid: 'k1' })),
  plain('JSON web token', jwt(62), `Authorization: Bearer ${jwt(62)}\r\n`),
];

const KEYS: readonly Positive[] = [
  plain('private key', pem(KEY, 70)),
  plain('private key', pem(`RSA ${KEY}`, 71)),
  plain('private key', pem(`EC ${KEY}`, 72)),
  plain('private key', pem(`DSA ${KEY}`, 73)),
  plain('private key', pem(`OPENSSH ${KEY}`, 74)),
  plain('private key', pem(`ENCRYPTED ${KEY}`, 75)),
  plain('private key', pem(`RSA ${KEY}`, 76, '\n', ['Proc-Type: 4,ENCRYPTED', 'DEK-Info: AES-128-CBC,0A1B2C3D', ''])),
  plain('private key', pem(`PGP ${KEY} BLOCK`, 77, '\n', ['Version: GnuPG v2', ''])),
  plain('private key', pem(KEY, 78, '\r\n')),
  plain('private key', pem(KEY, 79, '\\n'), JSON.stringify({ private_key: pem(KEY, 79) })),
  plain('private key', pem(`RSA ${KEY}`, 80, '\n+'), `+${pem(`RSA ${KEY}`, 80, '\n+')}\n`),
  plain('private key', pem(`RSA ${KEY}`, 81, '\n    '), `key: |\n    ${pem(`RSA ${KEY}`, 81, '\n    ')}\n`),
];

const ASSIGNMENTS: readonly Positive[] = [
  assigned(drawn(24, 90), (it) => `const apiKey = "${it}";`),
  assigned(drawn(24, 91), (it) => `const API_KEY = '${it}';`),
  assigned(drawn(40, 92, BASE64), (it) => `aws_secret_access_key = ${it}\n`),
  assigned(drawn(40, 93, BASE64), (it) => `AWS_SECRET_ACCESS_KEY=${it}`),
  assigned(drawn(32, 94, HEX), (it) => `  client_secret: "${it}"`),
  assigned(drawn(20, 95), (it) => `password: ${it}\n`),
  assigned(drawn(20, 96), (it) => `{"password":"${it}"}`),
  assigned(drawn(20, 97), (it) => JSON.stringify({ arguments: JSON.stringify({ db_password: it }) })),
  assigned(drawn(28, 98), (it) => `export SLACK_SIGNING_SECRET=${it}\n`),
  assigned(drawn(28, 99), (it) => `+export GITLAB_TOKEN=${it}\n`),
  assigned(drawn(32, 100), (it) => `secretKey := "${it}"`),
  assigned(drawn(32, 101), (it) => `:token => '${it}',`),
  assigned(drawn(32, 102), (it) => `config['auth_token'] = '${it}'`),
  assigned(drawn(32, 103), (it) => 'let accessToken: string = `' + it + '`;'),
  assigned(drawn(22, 104), (it) => `- passphrase: ${it}`),
  assigned(drawn(30, 105), (it) => `//host.local/:_authToken="${it}"`),
  assigned(drawn(26, 106), (it) => `\tcredential="${it}"\n`),
  assigned(drawn(30, 107), (it) => `x=1\nDJANGO_SECRET_KEY=${it}\ny=2`),
  plain('password in an address', drawn(14, 108), `postgres://app:${drawn(14, 108)}@db.local:5432/app`),
  plain('password in an address', drawn(16, 109), `https://bot:${drawn(16, 109)}@git.local/a.git`),
  plain('password in an address', drawn(12, 110), `redis://:x@h amqp://user:${drawn(12, 110)}@mq`),
];

export const POSITIVES: readonly Positive[] = [...TOKENS, ...KEYS, ...ASSIGNMENTS];

/** What looks like a secret to a hasty reader. */
export const NEAR_MISSES: readonly string[] = [
  // Forms that are too short, too long, of other letters, or inside a word.
  `AKIA${drawn(15, 200, AWS_LETTERS)}`,
  `AKIA${drawn(17, 201, AWS_LETTERS)}`,
  `AKIA${drawn(16, 202, SMALL)}`,
  `BAKIA${drawn(16, 203, AWS_LETTERS)}`,
  'AKIAIOSFODNN7EXAMPLE',
  `ghp_${drawn(30, 204)}`,
  `ghx_${drawn(36, 205)}`,
  `xghp_${drawn(36, 206)}`,
  `ghp_${'x'.repeat(36)}`,
  `github_pat_${drawn(20, 207)}_${drawn(59, 208)}`,
  `glpat-${drawn(12, 209)}`,
  'glpat-your-token-goes-in-here',
  'xoxb-not-a-real-token',
  'xoxb-123',
  'hooks.slack.com/services/T000/B000/XXXX',
  `npm_${drawn(20, 210)}`,
  `npm_${drawn(40, 211)}`,
  'npm_config_registry_and_other_settings',
  'pypi-AgEIcHlwaS5vcmc',
  'sk-ant-api03-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
  'sk-proj-short',
  'sk-learn-and-other-packages-of-python-with-long-names-in-them',
  'risk-proj-management-and-assessment-of-everything-that-matters',
  'nvapi-short-one',
  `nvapi-${drawn(30, 212)}`,
  `hf_${drawn(33, 213, LETTERS)}`,
  'hf_transformers_and_its_tokenizers_lib',
  `csn_${drawn(48, 214)}`,
  'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhYmMifQ.',
  `eyJhbGciOiJub25lIn0.eyJzdWIiOiJhYmNkZWYifQ.${drawn(43, 215)}`,
  `eyJub3QganNvbiBhdCBhbGw.eyJub3QganNvbiBhdCBhbGw.${drawn(43, 216)}`,
  jwt(217).split('.').slice(0, 2).join('.'),
  // Keys that are none.
  `if (text.startsWith('${'-'.repeat(5)}BEGIN ${KEY}${'-'.repeat(5)}'))`,
  pem('PUBLIC KEY', 220),
  pem('CERTIFICATE', 221),
  `${'-'.repeat(5)}BEGIN ${KEY}${'-'.repeat(5)}\n…\n${'-'.repeat(5)}END ${KEY}${'-'.repeat(5)}`,
  pem(KEY, 222).split('\n').slice(0, -1).join('\n'),
  // Assignments whose value says that it is none.
  'password = "changeme-please-12345"',
  'api_key: "your-api-key-goes-here-1"',
  'API_KEY=<insert the key of the site>',
  'const apiKey = process.env.API_KEY_OF_SITE2;',
  'token = request.headers.authorization2',
  'token: ${{ secrets.GITHUB_TOKEN_NUMBER_2 }}',
  'password: "{{ vault_database_password_2 }}"',
  'SECRET_KEY=$(openssl rand -hex 32)',
  'secret: "correct-horse-battery-staple"',
  'const tokenPattern = "some-words-with-dashes-in-them"',
  'api_key = "0000000000000000000000000000"',
  'secret = "EXAMPLEKEY1234example5678AB"',
  // Values by lot of what is no secret.
  `integrity: "sha512-${drawn(86, 230, BASE64)}=="`,
  `tokenHash: "${drawn(64, 231, HEX)}"`,
  `token_id = "${drawn(24, 232)}"`,
  `secretName: "${drawn(24, 233)}"`,
  `public_key = "${drawn(44, 234)}"`,
  `passwordUrl: "${drawn(30, 235)}"`,
  `commit: ${drawn(40, 236, HEX)}`,
  `const etag = "${drawn(32, 237, HEX)}";`,
  `requestId: "${drawn(26, 238)}"`,
  `token: "123e4567-e89b-12d3-a456-426614174000"`,
  `expect(color).toBe("${drawn(24, 239)}")`,
  `data:image/png;base64,${drawn(200, 240, BASE64)}`,
  `"tarball": "https://host.local/a-1.0.0.tgz#${drawn(40, 241, HEX)}"`,
  // Code about secrets.
  'function tokenOfAuthorizationHeader2(text) {',
  'type Token = Exclude<SecretKind, "password">;',
  'passwordField.value = this.props.defaultValue2;',
  'const maxTokens = 16_000_000_000_000_000;',
  'tokens: [SyntaxKind.NumericLiteral, SyntaxKind.Identifier2]',
  'secret?: string; token: TokenStreamReader2;',
  // Addresses.
  'https://user:password@host/path',
  'postgres://app:${DB_PASSWORD}@db/app',
  'postgres://app:<password>@db/app',
  'http://localhost:8484/a@b',
  'git@host:owner/repository.git',
  'redis://:x@h',
];

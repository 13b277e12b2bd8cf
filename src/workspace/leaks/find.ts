// Owns what a secret in a text looks like. Takes time in proportion to the text, whatever the text is. Knows no file and no journal.
import { isPlaceholder, isRandom } from './random.ts';

export interface FoundSecret {
  /** In words: GitHub token. */
  readonly kind: string;
  /** Place in the text, in UTF-16 units; `end` is behind it. */
  readonly start: number;
  readonly end: number;
}

interface Form {
  readonly kind: string;
  /** From its first letter on. Every repetition has an end, and none follows another of the same letters. */
  readonly pattern: RegExp;
  readonly accept?: (text: string) => boolean;
}

/** All of them begin at a place that `STARTS` finds. */
const FORMS: readonly Form[] = [
  { kind: 'AWS access key', pattern: /(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])/y },
  { kind: 'GitHub token', pattern: /gh[pousr]_[A-Za-z0-9]{36,251}/y },
  { kind: 'GitHub token', pattern: /github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}/y },
  { kind: 'GitLab token', pattern: /gl(?:pat|dt|rt|ft|ptt|cbt|soat|imt)-[\w-]{20,128}/y },
  { kind: 'Slack token', pattern: /xox[abeoprs]-(?:\d{1,2}-)?[A-Za-z0-9]{8,200}(?:-[A-Za-z0-9]{8,200}){1,4}/y },
  { kind: 'Slack token', pattern: /xapp-\d-[A-Z0-9]{8,20}-\d{8,20}-[a-f0-9]{32,128}/y },
  {
    kind: 'Slack webhook',
    pattern: /hooks\.slack\.com\/(?:services|workflows)\/[A-Z0-9]{8,14}\/[A-Z0-9]{8,14}\/[A-Za-z0-9]{18,46}/y,
  },
  { kind: 'npm token', pattern: /npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])/y },
  { kind: 'PyPI token', pattern: /pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[\w-]{40,400}/y },
  { kind: 'Anthropic key', pattern: /sk-ant-[a-z]{3,8}\d{2}-[\w-]{40,200}/y },
  { kind: 'OpenAI key', pattern: /sk-(?:proj|svcacct|admin|None)-[\w-]{40,200}/y },
  { kind: 'OpenAI key', pattern: /sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}/y },
  { kind: 'NVIDIA key', pattern: /nvapi-[\w-]{40,100}/y },
  { kind: 'Hugging Face token', pattern: /hf_[A-Za-z]{34}(?![A-Za-z0-9])/y, accept: isMixedCase },
  { kind: 'Caisson key', pattern: /csn_[0-9A-Za-z]{49}(?![A-Za-z0-9])/y },
  { kind: 'JSON web token', pattern: /eyJ[\w-]{10,2000}\.eyJ[\w-]{10,8000}\.[\w-]{20,2000}/y, accept: isSigned },
];
const STARTS = new RegExp(
  String.raw`\b(?:A[KS]IA|gh[pousr]_|github_pat_|gl(?:[pdrf]t|pat|ptt|cbt|soat|imt)-|xox[abeoprs]-|xapp-|` +
    String.raw`hooks\.s|npm_|pypi-AgE|sk-|nvapi-|hf_|csn_|eyJ)`,
  'g',
);

const KEY_BLOCK = '-----BEGIN ';
/** Also where line ends are written as `\n`, or each line has a mark of a patch or an indent before it. */
const PRIVATE_KEY = new RegExp(
  String.raw`-----BEGIN (?:RSA |EC |DSA |OPENSSH |ENCRYPTED |PGP )?PRIVATE KEY(?: BLOCK)?-----` +
    String.raw`(?:(?:\\{1,4}[nr]|\s){1,4}[+>|]?\s?[A-Z][A-Za-z-]{3,20}: [\w,./ ()-]{1,100}){0,4}` +
    String.raw`((?:[A-Za-z0-9+/=\s>|]|\\{1,4}[nr]){64,20000})-----END [A-Z ]{0,20}PRIVATE KEY(?: BLOCK)?-----`,
  'y',
);

/** A value that is assigned, in quotes or to the end of a line. What it is assigned to stands before it. */
const ASSIGNED = /(?:[=-]>|:=|[:=])[ \t]{0,3}(\\{0,3}["'`])?([A-Za-z0-9+/_.~!@#%^&*-]{16,512}={0,2})\1/g;
const NAME = /[^\w.-]([A-Za-z_][\w.-]{0,60})\\{0,3}["'`]?\]?(?:: ?[a-z]{3,12})?[ \t]{0,3}$/;
const SECRET_NAME =
  /secret|token|passw(?:or)?d|passwd|passphrase|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key|credential/i;
/** Names of what stands beside a secret. */
const OTHER_NAME =
  /(?:hash|digest|checksum|sha\d*|id|name|url|uri|path|file|type|length|count|public|header|expir\w*|ttl|version|format|placeholder)s?$/i;
const BEFORE_NAME = 80;
const BARE_LINE = /(?:\n|\\{1,4}n?|["'`])[ \t+-]{0,40}(?:export )?$/;

/** An address with a password in it. */
const ADDRESS = /:\/\/[^\s:/@"'\\]{1,64}:([^\s/@"'\\]{8,200})@/g;

/** In the order of their places; none lies in another. */
export function findSecrets(text: string): readonly FoundSecret[] {
  const found = [...forms(text), ...keyBlocks(text), ...assigned(text), ...addresses(text)];
  found.sort((left, right) => left.start - right.start || right.end - left.end);
  const apart: FoundSecret[] = [];
  for (const one of found) if (one.start >= (apart.at(-1)?.end ?? 0)) apart.push(one);
  return apart;
}

function forms(text: string): readonly FoundSecret[] {
  const found: FoundSecret[] = [];
  for (const { index: start } of text.matchAll(STARTS)) {
    if (start < (found.at(-1)?.end ?? 0)) continue;
    const one = formAt(text, start);
    if (one !== undefined) found.push(one);
  }
  return found;
}

function formAt(text: string, start: number): FoundSecret | undefined {
  for (const { kind, pattern, accept } of FORMS) {
    pattern.lastIndex = start;
    const [match] = pattern.exec(text) ?? [];
    if (match === undefined || isPlaceholder(match) || accept?.(match) === false) continue;
    return { kind, start, end: start + match.length };
  }
  return undefined;
}

function keyBlocks(text: string): readonly FoundSecret[] {
  const found: FoundSecret[] = [];
  for (let start = text.indexOf(KEY_BLOCK); start >= 0; start = text.indexOf(KEY_BLOCK, start + 1)) {
    if (start < (found.at(-1)?.end ?? 0)) continue;
    PRIVATE_KEY.lastIndex = start;
    const [match, body = ''] = PRIVATE_KEY.exec(text) ?? [];
    if (match === undefined || isPlaceholder(body)) continue;
    found.push({ kind: 'private key', start, end: start + match.length });
  }
  return found;
}

function assigned(text: string): readonly FoundSecret[] {
  const found: FoundSecret[] = [];
  for (const { 0: whole, 1: quote, 2: value = '', index } of text.matchAll(ASSIGNED)) {
    const end = index + whole.length - (quote?.length ?? 0);
    const from = index - BEFORE_NAME;
    const before = from > 0 ? text.slice(from, index) : `\n${text.slice(0, index)}`;
    const name = secretName(before);
    if (name === undefined || isPlaceholder(value) || !isRandom(value)) continue;
    if (quote === undefined && !isBare(before.slice(0, before.lastIndexOf(name)), value, text.charAt(end))) continue;
    found.push({ kind: 'secret value', start: end - value.length, end });
  }
  return found;
}

function secretName(before: string): string | undefined {
  const [, name] = NAME.exec(before) ?? [];
  return name !== undefined && SECRET_NAME.test(name) && !OTHER_NAME.test(name) ? name : undefined;
}

/** As in a file of settings: nothing else stands on the line, and the value is no expression. */
function isBare(before: string, value: string, behind: string): boolean {
  return BARE_LINE.test(before) && /^[\s\\"'`]?$/.test(behind) && !/^[a-z_]+[.(]/i.test(value);
}

function addresses(text: string): readonly FoundSecret[] {
  const found: FoundSecret[] = [];
  for (const { 0: whole, 1: password = '', index } of text.matchAll(ADDRESS)) {
    const end = index + whole.length - 1;
    const isWord = /^[a-z]+$|^[A-Z_]+$|[${<%]/.test(password);
    if (!isWord && !isPlaceholder(password))
      found.push({ kind: 'password in an address', start: end - password.length, end });
  }
  return found;
}

function isMixedCase(text: string): boolean {
  return /[a-z].*[A-Z]|[A-Z].*[a-z]/.test(text.slice(3));
}

/** A header that names an algorithm; one that is not signed proves nothing. */
function isSigned(text: string): boolean {
  try {
    const header: unknown = JSON.parse(Buffer.from(text.slice(0, text.indexOf('.')), 'base64url').toString());
    return typeof header === 'object' && header !== null && 'alg' in header && header.alg !== 'none';
  } catch {
    return false;
  }
}

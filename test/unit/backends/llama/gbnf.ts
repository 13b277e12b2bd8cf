// Owns the reading of GBNF, as far as our grammars use it, and whether a text follows one. Knows no engine.

type Node =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'class'; readonly has: (letter: string) => boolean }
  | { readonly type: 'rule'; readonly name: string }
  | { readonly type: 'all'; readonly of: readonly Node[] }
  | { readonly type: 'one'; readonly of: readonly Node[] }
  | { readonly type: 'many'; readonly of: Node; readonly least: number; readonly most: number };

/** True if the whole text follows the rule `root`. */
export function accepts(grammar: string, text: string): boolean {
  const rules = new Map(
    grammar.split('\n').map((line) => {
      const [name = '', body = ''] = line.split(/ ::= (.*)/s);
      return [name, parse(body)] as const;
    }),
  );
  const ends = createMatcher(rules, Array.from(text));
  return ends({ type: 'rule', name: 'root' }, 0).has(Array.from(text).length);
}

/** Where a node may end that begins at a place. */
function createMatcher(rules: ReadonlyMap<string, Node>, letters: readonly string[]) {
  const known = new Map<string, Set<number>>();
  const rule = (name: string, at: number): Set<number> => {
    const key = `${name} ${at}`;
    const before = known.get(key);
    if (before !== undefined) return before;
    const body = rules.get(name);
    if (body === undefined) throw new Error(`no rule ${name}`);
    known.set(key, new Set());
    const found = ends(body, at);
    known.set(key, found);
    return found;
  };
  const ends = (node: Node, at: number): Set<number> => {
    if (node.type === 'rule') return rule(node.name, at);
    if (node.type === 'one') return new Set(node.of.flatMap((way) => [...ends(way, at)]));
    if (node.type === 'all')
      return node.of.reduce((from, part) => new Set([...from].flatMap((one) => [...ends(part, one)])), new Set([at]));
    if (node.type === 'many') return repeated(node, at);
    if (node.type === 'text') return plain(Array.from(node.text), at);
    const letter = letters[at];
    return letter !== undefined && node.has(letter) ? new Set([at + 1]) : new Set();
  };
  const plain = (wanted: readonly string[], at: number): Set<number> =>
    wanted.every((letter, index) => letters[at + index] === letter) ? new Set([at + wanted.length]) : new Set();
  const repeated = ({ of, least, most }: Extract<Node, { type: 'many' }>, at: number): Set<number> => {
    const all = new Set<number>(least === 0 ? [at] : []);
    let from = new Set([at]);
    for (let count = 1; count <= most && from.size > 0; count += 1) {
      from = new Set([...from].flatMap((one) => [...ends(of, one)]).filter((one) => one > at && !all.has(one)));
      if (count >= least) for (const one of from) all.add(one);
    }
    return all;
  };
  return ends;
}

function parse(body: string): Node {
  let at = 0;
  const blanks = () => {
    while (body[at] === ' ') at += 1;
  };
  const ways = (): Node => {
    const all: Node[] = [sequence()];
    while (body[at] === '|') {
      at += 1;
      all.push(sequence());
    }
    return { type: 'one', of: all };
  };
  const sequence = (): Node => {
    const all: Node[] = [];
    for (blanks(); at < body.length && body[at] !== '|' && body[at] !== ')'; blanks()) all.push(times(single()));
    return { type: 'all', of: all };
  };
  const single = (): Node => {
    if (body[at] === '(') {
      at += 1;
      const inner = ways();
      at += 1;
      return inner;
    }
    const quoted = /"(?:[^"\\]|\\.)*"/y;
    const bracket = /\[(?:[^\]\\]|\\.)*\]/y;
    const name = /[a-z0-9-]+/y;
    const text = taken(quoted);
    if (text !== undefined) return { type: 'text', text: unescaped(text.slice(1, -1)) };
    const letters = taken(bracket);
    if (letters !== undefined) return { type: 'class', has: inClass(letters.slice(1, -1)) };
    return { type: 'rule', name: taken(name) ?? unreadable() };
  };
  const unreadable = (): never => {
    throw new Error(`cannot read ${body.slice(at, at + 40)}`);
  };
  const times = (of: Node): Node => {
    const mark = taken(/[*+?]|\{\d+,\d+\}/y);
    if (mark === undefined) return of;
    const [least = 0, most = 0] = mark.startsWith('{') ? mark.slice(1, -1).split(',').map(Number) : [];
    if (mark.startsWith('{')) return { type: 'many', of, least, most };
    return { type: 'many', of, least: mark === '+' ? 1 : 0, most: mark === '?' ? 1 : Infinity };
  };
  const taken = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(body)?.[0];
    at += found?.length ?? 0;
    return found;
  };
  const node = ways();
  return at < body.length ? unreadable() : node;
}

function inClass(inner: string): (letter: string) => boolean {
  const negated = inner.startsWith('^');
  const parts = [...(negated ? inner.slice(1) : inner).matchAll(/(\\x..|\\.|[^\\])(?:-(\\x..|\\.|[^\\]))?/gsu)];
  const ranges = parts.map(([, from = '', to = from]) => [unescaped(from), unescaped(to)] as const);
  return (letter) => ranges.some(([from, to]) => letter >= from && letter <= to) !== negated;
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(?:x(..)|(.))/gs, (_, code: string | undefined, letter: string | undefined) =>
    code === undefined
      ? ({ n: '\n', r: '\r', t: '\t' }[letter ?? ''] ?? letter ?? '')
      : String.fromCodePoint(Number.parseInt(code, 16)),
  );
}

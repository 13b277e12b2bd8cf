// Owns patterns with wildcards. Linear in the length of the text for every pattern, and never a regular expression.

/** A longer pattern is refused when the policy is loaded: the time to match grows with it. */
export const PATTERN_CHARACTERS = 200;

interface Token {
  readonly take: 'one' | 'each' | 'name' | 'star' | 'stars' | 'folders';
  /** What stands in the pattern. */
  readonly source: string;
}

/**
 * For paths and refs: `*` stands for any characters but `/`, `**` for any characters, `?` for one character but `/`; all else is
 * itself. A `**` that is a whole folder of the pattern stands for any number of folders, also none.
 */
export function compilePathGlob(pattern: string): (text: string) => boolean {
  return compile(pattern, pathToken);
}

/** The same for any of some, and of small letters only: some systems tell no capitals. Takes a path in small letters. */
export function anyPathGlob(patterns: readonly string[]): (path: string) => boolean {
  const globs = patterns.map((pattern) => compilePathGlob(pattern.toLowerCase()));
  return (path) => globs.some((matches) => matches(path));
}

/** For words and names, in which `/` means nothing: `*` stands for any characters, `?` for one. */
export function compileGlob(pattern: string): (text: string) => boolean {
  return compile(pattern, wordToken);
}

type Tokenizer = (characters: readonly string[], at: number) => Token;

function compile(pattern: string, tokenAt: Tokenizer): (text: string) => boolean {
  if (!/[*?]/.test(pattern)) return (text) => text === pattern;
  const characters = Array.from(pattern);
  const tokens: Token[] = [];
  let at = 0;
  while (at < characters.length) {
    const token = tokenAt(characters, at);
    tokens.push(token);
    at += Array.from(token.source).length;
  }
  return (text) => follow(tokens, text);
}

function pathToken(characters: readonly string[], at: number): Token {
  const source = characters[at] ?? '';
  if (source === '?') return { take: 'name', source };
  if (source !== '*') return { take: 'one', source };
  if (characters[at + 1] !== '*') return { take: 'star', source };
  const wholeFolder = (at === 0 || characters[at - 1] === '/') && characters[at + 2] === '/';
  return wholeFolder ? { take: 'folders', source: '**/' } : { take: 'stars', source: '**' };
}

function wordToken(characters: readonly string[], at: number): Token {
  const source = characters[at] ?? '';
  if (source === '*') return { take: 'stars', source };
  return { take: source === '?' ? 'each' : 'one', source };
}

/** Goes all ways through the pattern at once: every character of the text is looked at once for each place of the pattern. */
function follow(tokens: readonly Token[], text: string): boolean {
  let places = new Uint8Array(tokens.length + 1);
  enter(places, 0, tokens);
  for (const character of text) {
    const next = new Uint8Array(tokens.length + 1);
    for (const [place, token] of tokens.entries()) {
      if (places[place] === 1) advance(next, place, token, character, tokens);
    }
    if (!next.includes(1)) return false;
    places = next;
  }
  return places[tokens.length] === 1;
}

function advance(next: Uint8Array, place: number, token: Token, character: string, tokens: readonly Token[]): void {
  const slash = character === '/';
  switch (token.take) {
    case 'one':
      return token.source === character ? enter(next, place + 1, tokens) : undefined;
    case 'each':
      return enter(next, place + 1, tokens);
    case 'name':
      return slash ? undefined : enter(next, place + 1, tokens);
    case 'star':
      return slash ? undefined : enter(next, place, tokens);
    case 'stars':
      return enter(next, place, tokens);
    case 'folders':
      // Only the end of a folder opens the way on.
      if (slash) enter(next, place, tokens);
      else next[place] = 1;
  }
}

/** Marks the place, and what lies behind it as far as it may stand for nothing. */
function enter(places: Uint8Array, from: number, tokens: readonly Token[]): void {
  let place = from;
  while (place <= tokens.length && places[place] !== 1) {
    places[place] = 1;
    const take = tokens[place]?.take;
    if (take !== 'star' && take !== 'stars' && take !== 'folders') return;
    place += 1;
  }
}

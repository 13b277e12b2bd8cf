// Owns other names of models: what clients ask for → what is served. Knows no engine.

/** Name that is asked for → name that is served, or another alias. */
export type Aliases = Readonly<Record<string, string>>;

export interface AliasProblem {
  readonly alias: string;
  readonly text: string;
}

/** The name behind the alias, or the name itself. The aliases go in no circle. */
export function behindAlias(aliases: Aliases, name: string): string {
  let at = name;
  for (let step = 0; Object.hasOwn(aliases, at) && step <= Object.keys(aliases).length; step += 1)
    at = aliases[at] ?? at;
  return at;
}

/** What is wrong whatever engine answers: circles, and names that are served already. */
export function aliasProblems(aliases: Aliases, served: readonly string[]): readonly AliasProblem[] {
  return Object.keys(aliases).flatMap((alias) => {
    const circle = circleOf(aliases, alias);
    if (circle !== undefined) return [{ alias, text: `the aliases go in a circle: ${circle.join(' → ')}` }];
    return served.includes(alias) ? [{ alias, text: `the alias hides the model ${alias}, which is served` }] : [];
  });
}

function circleOf(aliases: Aliases, alias: string): readonly string[] | undefined {
  const way = [alias];
  for (let at = aliases[alias]; at !== undefined; at = Object.hasOwn(aliases, at) ? aliases[at] : undefined) {
    way.push(at);
    if (at === alias) return way;
    if (way.indexOf(at) < way.length - 1) return undefined;
  }
  return undefined;
}

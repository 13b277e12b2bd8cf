// Owns the search for circles of imports between files. Knows no room.
import { importsOf, targetOf } from './imports.ts';
import type { Problem, SourceFile } from './source.ts';

/** One problem per circle that a walk in the order of `files` meets; types count. */
export function checkCycles(files: readonly SourceFile[]): Problem[] {
  const graph = new Map(files.map((file) => [file.path, targetsOf(file)]));
  const walk: Walk = { graph, done: new Set(), trail: [], problems: [] };
  for (const file of files) visit(walk, file.path);
  return walk.problems;
}

interface Walk {
  readonly graph: ReadonlyMap<string, readonly string[]>;
  readonly done: Set<string>;
  readonly trail: string[];
  readonly problems: Problem[];
}

function targetsOf(file: SourceFile): readonly string[] {
  return importsOf(file).flatMap((found) => targetOf(file, found) ?? []);
}

function visit(walk: Walk, path: string): void {
  const at = walk.trail.indexOf(path);
  if (at !== -1) {
    const circle = [...walk.trail.slice(at), path].join(' → ');
    walk.problems.push({ rule: 'cycle', path, line: 0, message: `imports itself: ${circle}` });
    return;
  }
  if (walk.done.has(path)) return;
  walk.trail.push(path);
  for (const target of walk.graph.get(path) ?? []) visit(walk, target);
  walk.trail.pop();
  walk.done.add(path);
}

// Owns "did you mean": which of the known words was meant. Knows no room.

/** Longer words are compared by their beginning: the work grows with the square. */
const MOST_LETTERS = 100;
const FEWEST_SHARED = 3;

/** The known word within a third of its letters (one at least) of the given one, whatever the case; undefined if none is. */
export function closestWord(word: string, known: readonly string[]): string | undefined {
  const given = word.slice(0, MOST_LETTERS).toLowerCase();
  if (given === '') return undefined;
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(given, candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((left, right) => left.distance - right.distance);
  return near[0]?.candidate;
}

/** As `closestWord`; if none is that close, one that holds the given word or is held by it: `file_path` for `path`. */
export function relatedWord(word: string, known: readonly string[]): string | undefined {
  const given = word.slice(0, MOST_LETTERS).toLowerCase();
  const holds = (outer: string, inner: string) => inner.length >= FEWEST_SHARED && outer.includes(inner);
  return (
    closestWord(word, known) ??
    known.find((candidate) => holds(given, candidate.toLowerCase()) || holds(candidate.toLowerCase(), given))
  );
}

/** Letters to insert, remove, replace or swap with their neighbour. */
function editDistance(left: string, right: string): number {
  const at = (cells: readonly number[], index: number) => cells[index] ?? 0;
  let before: readonly number[] = [];
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const change = at(row, j - 1) + (left[i - 1] === right[j - 1] ? 0 : 1);
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      const swap = swapped ? at(before, j - 2) + 1 : Number.POSITIVE_INFINITY;
      next.push(Math.min(change, swap, at(row, j) + 1, at(next, j - 1) + 1));
    }
    before = row;
    row = next;
  }
  return at(row, right.length);
}

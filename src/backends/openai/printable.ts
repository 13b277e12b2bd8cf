// Owns how foreign text is shown in a message: printable, in one line, short. Knows nothing of where it comes from.

/** At most `most` characters; runs of blanks and of what cannot be printed become one space. */
export function printable(text: string, most: number): string {
  return text
    .replaceAll(/[\s\p{C}\u{FFFD}]+/gu, ' ')
    .trim()
    .slice(0, most);
}

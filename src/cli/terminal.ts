// Owns what is written to the terminal: lines that stay, and one status line that does not. Knows no event.
import { stripVTControlCharacters } from 'node:util';

export interface Terminal {
  /** True if a person watches: the status line is shown and questions may be asked. */
  readonly interactive: boolean;
  /** A result, on standard output. Control characters of untrusted text are taken out. */
  line(text: string): void;
  /** Bytes of a result as they are (a diff for another program); made safe when a person watches. */
  raw(text: string): void;
  /** A remark, on standard error. */
  remark(text: string): void;
  /** Replaces the status line; '' takes it away. Does nothing when nobody watches. */
  status(text: string): void;
}

interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
}

// Everything below space but newline and tab, DEL, and the C1 controls can move the cursor or fake what was printed.
const CONTROLS = /[^\P{Cc}\n\t]/gu;

export function createTerminal(out: Stream, err: Stream): Terminal {
  const interactive = out.isTTY === true && err.isTTY === true;
  let shown = false;
  const clear = () => {
    if (shown) err.write('\r\u001B[2K');
    shown = false;
  };
  return {
    interactive,
    line: (text) => {
      clear();
      out.write(`${printable(text)}\n`);
    },
    raw: (text) => {
      clear();
      out.write(out.isTTY === true ? printable(text) : text);
    },
    remark: (text) => {
      clear();
      err.write(`${printable(text)}\n`);
    },
    status: (text) => {
      if (!interactive) return;
      clear();
      if (text === '') return;
      err.write(
        printable(text)
          .replaceAll('\n', ' ')
          .slice(0, (err.columns ?? 80) - 1),
      );
      shown = true;
    },
  };
}

/** Text that cannot move the cursor. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll(CONTROLS, '\uFFFD');
}

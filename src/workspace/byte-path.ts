// Owns paths as git has them: any bytes. Each character of a `BytePath` is one byte. Knows no file.
import { isUtf8 } from 'node:buffer';

export type BytePath = string;

export function bytesOf(path: BytePath): Buffer {
  return Buffer.from(path, 'latin1');
}

export function toBytePath(text: string): BytePath {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** For people and for JSON: the text, or, where it is no clean text (control characters, other encodings), quoted as git quotes. */
export function showPath(path: BytePath): string {
  const bytes = bytesOf(path);
  const text = isUtf8(bytes) ? bytes.toString('utf8') : undefined;
  return text === undefined || /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}"\\]/u.test(text) ? quote(path) : text;
}

/** A host path (text) in the quotes that git's own lists understand. */
export function quotePath(path: string): string {
  return quote(toBytePath(path));
}

/** Everything but plain ASCII as an octal number. */
export function quote(path: BytePath): string {
  const inner = path.replaceAll(
    /[^\x20-\x7e]|["\\]/g,
    (byte) => `\\${byte.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return `"${inner}"`;
}

/** The path of the directory that holds it; '' at the top. */
export function parentOf(path: BytePath): BytePath {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

/** Characters that the file system of a Mac leaves out of names, in UTF-8: zero width and direction marks. */
const UNSEEN = /\xe2\x80[\x8c-\x8f\xaa-\xae]|\xe2\x81[\xaa-\xaf]|\xef\xbb\xbf/g;

/** Names that git takes for its own directory on some system, and therefore carries nowhere. */
export function isGitName(name: BytePath): boolean {
  if (!/^[.g\xe2\xef]/i.test(name)) return false;
  const plain = name
    .replaceAll(UNSEEN, '')
    .replace(/:.*$/s, '')
    .replace(/[ .]+$/, '')
    .toLowerCase();
  return plain === '.git' || plain === 'git~1';
}

// Owns the reading of a ClientHello before anything is sent on: whole, over fragments, with exactly one name. Ends no TLS.
import { LIMITS } from '../base/limits.ts';
import { parseHost } from './address/host.ts';
import { type Fault, isFault, type Wire } from './http/wire.ts';

export interface ClientHello {
  /** Canonical. */
  readonly name: string;
  /** It holds a hidden hello, or a decoy of one: nobody but the origin can tell. */
  readonly hasHidden: boolean;
}

const RECORD_HEAD = 5;
const HANDSHAKE = 22;
const MOST_RECORD = 16_384;
const HELLO_HEAD = 4;
const CLIENT_HELLO = 1;
const RANDOM = 2 + 32;
const MOST_SESSION = 32;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const ENCRYPTED_HELLO = 0xfe0d;
const ENCRYPTED_NAME = 0xffce;
const NO_TLS: Fault = { fault: 'what follows CONNECT is no TLS' };
const BROKEN: Fault = { fault: 'its ClientHello is broken' };

/** `bytes`: all that was read, the hello first. `undefined`: it ended without a byte, as a program does that only looks whether it may. */
export async function readClientHello(
  wire: Wire,
): Promise<(ClientHello & { readonly bytes: Buffer }) | Fault | undefined> {
  const until = performance.now() + LIMITS.egressHandshakeMs;
  let have: Buffer = Buffer.alloc(0);
  for (;;) {
    const piece = await wire.read(Math.max(1, until - performance.now()));
    if (have.length === 0 && !Buffer.isBuffer(piece) && wire.isGone()) return undefined;
    if (piece === undefined) return { fault: 'it ended before its ClientHello did' };
    if (isFault(piece)) return { fault: 'no whole ClientHello came in time' };
    have = have.length === 0 ? piece : Buffer.concat([have, piece]);
    const hello = parseClientHello(have);
    if (hello !== undefined) return isFault(hello) ? hello : { ...hello, bytes: have };
  }
}

/** `undefined`: there must be more of it. Exactly one name, and no hello behind the first. */
export function parseClientHello(bytes: Buffer): ClientHello | undefined | Fault {
  const message = handshakeMessage(bytes);
  if (message === undefined || isFault(message)) return message;
  const extensions = extensionsOf(message);
  if (isFault(extensions)) return extensions;
  const names = extensions.get(SERVER_NAME);
  if (names === undefined) return { fault: 'its ClientHello has no server name' };
  const name = onlyName(names);
  if (isFault(name)) return name;
  return { name, hasHidden: extensions.has(ENCRYPTED_HELLO) || extensions.has(ENCRYPTED_NAME) };
}

/** The body of the first handshake message, put together from its records. */
function handshakeMessage(bytes: Buffer): Buffer | undefined | Fault {
  const fragments: Buffer[] = [];
  let have = 0;
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== HANDSHAKE || (bytes[at + 1] ?? 3) !== 3 || (bytes[at + 2] ?? 0) > 4) return NO_TLS;
    if (at + RECORD_HEAD > bytes.length) return undefined;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0 || length > MOST_RECORD) return BROKEN;
    const fragment = bytes.subarray(at + RECORD_HEAD, at + RECORD_HEAD + length);
    fragments.push(fragment);
    have += fragment.length;
    const whole = wholeMessage(Buffer.concat(fragments), fragment.length === length);
    if (whole !== undefined) return whole;
    if (have > LIMITS.egressHelloBytes) return tooLong();
    at += RECORD_HEAD + length;
  }
  return undefined;
}

function wholeMessage(message: Buffer, isAtRecordEnd: boolean): Buffer | undefined | Fault {
  if (message.length > 0 && message[0] !== CLIENT_HELLO) return { fault: 'its first message is no ClientHello' };
  if (message.length < HELLO_HEAD) return undefined;
  const length = message.readUIntBE(1, 3);
  if (length > LIMITS.egressHelloBytes) return tooLong();
  if (message.length < HELLO_HEAD + length || !isAtRecordEnd) return undefined;
  return message.length === HELLO_HEAD + length ? message.subarray(HELLO_HEAD) : BROKEN;
}

function tooLong(): Fault {
  return { fault: `its ClientHello is longer than ${LIMITS.egressHelloBytes} bytes` };
}

/** By type; a type that stands twice is broken. */
function extensionsOf(hello: Buffer): ReadonlyMap<number, Buffer> | Fault {
  const session = takeVector(hello, RANDOM, 1);
  if (session === undefined || session.value.length > MOST_SESSION) return BROKEN;
  const ciphers = takeVector(hello, session.end, 2);
  const methods = ciphers && takeVector(hello, ciphers.end, 1);
  if (ciphers === undefined || methods === undefined || ciphers.value.length % 2 !== 0) return BROKEN;
  return readExtensions(hello, methods.end);
}

function readExtensions(hello: Buffer, start: number): ReadonlyMap<number, Buffer> | Fault {
  const found = new Map<number, Buffer>();
  if (start === hello.length) return found;
  const all = takeVector(hello, start, 2);
  if (all === undefined || all.end !== hello.length) return BROKEN;
  for (let at = 0; at < all.value.length;) {
    const one = takeVector(all.value, at + 2, 2);
    if (one === undefined) return BROKEN;
    const type = all.value.readUInt16BE(at);
    if (found.has(type)) return { fault: 'an extension stands twice in its ClientHello' };
    found.set(type, one.value);
    at = one.end;
  }
  return found;
}

function onlyName(extension: Buffer): string | Fault {
  const list = takeVector(extension, 0, 2);
  if (list === undefined || list.end !== extension.length) return BROKEN;
  if (list.value.length === 0 || list.value[0] !== HOST_NAME)
    return { fault: 'its server name is empty or no host name' };
  const name = takeVector(list.value, 1, 2);
  if (name === undefined) return BROKEN;
  if (name.end !== list.value.length) return { fault: 'its ClientHello has several server names' };
  const host = parseHost(name.value.toString('latin1'));
  if (isFault(host)) return { fault: 'its server name is no host name' };
  return host.address === undefined ? host.text : { fault: 'its server name is an address' };
}

/** Bytes behind their length, which takes `width` bytes at `at`. */
function takeVector(
  from: Buffer,
  at: number,
  width: 1 | 2,
): { readonly value: Buffer; readonly end: number } | undefined {
  if (at + width > from.length) return undefined;
  const end = at + width + from.readUIntBE(at, width);
  return end > from.length ? undefined : { value: from.subarray(at + width, end), end };
}

// Makes a ClientHello as a test wants it: names, hidden parts, fragments. Good or bad, byte by byte.

export interface WantedHello {
  /** Of one server_name extension; absent: no such extension. */
  readonly names?: readonly string[];
  /** Whole extensions beside it: type and body. */
  readonly more?: readonly (readonly [type: number, body: Buffer])[];
  /** Bytes of a record at most. */
  readonly fragment?: number;
}

export function helloOf({ names, more = [], fragment = 16_384 }: WantedHello): Buffer {
  const list = (names ?? []).map((name) => Buffer.concat([Buffer.from([0]), counted(2, Buffer.from(name, 'latin1'))]));
  const named = names === undefined ? [] : [extension(0, counted(2, Buffer.concat(list)))];
  const extensions = [
    extension(43, Buffer.from([2, 3, 4])),
    ...named,
    ...more.map(([type, body]) => extension(type, body)),
  ];
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32, 7),
    counted(1, Buffer.alloc(32, 9)),
    counted(2, Buffer.from([0x13, 0x01, 0x13, 0x02])),
    counted(1, Buffer.from([0])),
    counted(2, Buffer.concat(extensions)),
  ]);
  return records(Buffer.concat([Buffer.from([1]), counted(3, body)]), fragment);
}

export function records(message: Buffer, fragment = 16_384, type = 22): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < message.length; at += fragment)
    parts.push(Buffer.concat([Buffer.from([type, 3, 1]), counted(2, message.subarray(at, at + fragment))]));
  return Buffer.concat(parts);
}

function extension(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type >> 8, type & 0xff]), counted(2, body)]);
}

function counted(width: number, bytes: Buffer): Buffer {
  const length = Buffer.alloc(width);
  length.writeUIntBE(bytes.length, 0, width);
  return Buffer.concat([length, bytes]);
}

// Owns the way to Node's own HTTP clients. An `import` of them reads all their names, and one of those loads Node's whole web client.
import type * as Http from 'node:http';
import type * as Https from 'node:https';

export function nodeHttp(): typeof Http {
  return process.getBuiltinModule('node:http');
}

export function nodeHttps(): typeof Https {
  return process.getBuiltinModule('node:https');
}

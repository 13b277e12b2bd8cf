// Shows that a path, a method, a host or a field cannot be judged as one thing and served as another: named attacks with their controls.
import { type Attack, defineAttacks, literally } from './attack.ts';

/** /open is allowed for GET and POST; everything else of the host is not. */
const rule = { pathPrefixes: ['/open'], methods: ['GET', 'POST'] };
const naive = {
  allows: (_: string, path: string, method: string) =>
    path.startsWith('/open') && !path.includes('/secret') && ['GET', 'POST'].includes(method.toUpperCase()),
};

const get = (at: string, path: string, more = '') => `GET http://${at}${path} HTTP/1.1\r\nHost: ${at}\r\n${more}\r\n`;

function path(name: string, text: string, blocked: RegExp): Attack {
  const loot = literally(`GET ${text} `);
  return { name: `a path with ${name}`, send: (at) => get(at, text), loot, blocked, rule, naive, reachesNobody: true };
}

defineAttacks('A path that is judged as one and served as another', [
  path('dot segments', '/open/../admin', /GET http:\/\/site\.test:\d+\/admin is allowed by no rule/),
  path('escaped dots', '/open/%2e%2e/admin', /\/admin is allowed by no rule/),
  path('escaped dots in mixed case', '/open/%2E%2e/admin', /\/admin is allowed by no rule/),
  path('escaped slashes', '/open%2f..%2Fadmin', /\/admin is allowed by no rule/),
  path('an escaped name behind dots', '/open/../%61dmin', /\/admin is allowed by no rule/),
  path('dots behind repeated slashes', '/open//..//..//admin', /climbs above the root/),
  path('more dots than parts', '/open/../../admin', /climbs above the root/),
  path('a parameter behind dots', '/open/..;/admin', /semicolon/),
  path('an escaped semicolon behind dots', '/open/..%3b/admin', /semicolon/),
  path('a backslash', '/open\\..\\admin', /backslash/),
  path('an escaped backslash', '/open%5c..%5cadmin', /backslash/),
  path('an escape that is escaped', '/open/%252e%252e/admin', /escaped once more/),
  path('a NUL', '/open/%00/../admin', /control character/),
  path('a line feed', '/open/%0d%0aX-Loot:1', /control character/),
  path('dots in overlong UTF-8', '/open/%c0%ae%c0%ae/admin', /no UTF-8/),
  path('full-width slashes', '/open%ef%bc%8f..%ef%bc%8fadmin', /may be taken for a slash/),
  path('full-width dots', '/open/%ef%bc%8e%ef%bc%8e/admin', /may be taken for a slash, a dot/),
  path('dots and a blank', '/open/..%20/admin', /only dots and blanks/),
  path('an escape that is none', '/open/%u002e%u002e/admin', /begins no escape/),
  path('a fragment', '/open#/../admin', /fragment/),
]);

defineAttacks('A request that is judged as one and served as another', [
  {
    name: 'a method in small letters',
    send: (at) => get(at, '/open').replace('GET', 'get'),
    loot: /^get \/open/m,
    blocked: /get http:\/\/site\.test:\d+\/open is allowed by no rule/,
    rule,
    naive,
    reachesNobody: true,
  },
  ...['X-HTTP-Method-Override', 'X-Http-Method', 'X-Method-Override', 'X_HTTP_METHOD_OVERRIDE'].map((field) => ({
    name: `the field ${field}`,
    send: (at: string) => get(at, '/open', `${field}: DELETE\r\n`),
    loot: /override: DELETE|method: DELETE/i,
    blocked: /asks for another method or path/,
    rule,
    naive,
    reachesNobody: true,
  })),
  ...['X-Original-URL', 'X-Rewrite-URL'].map((field) => ({
    name: `the field ${field}`,
    send: (at: string) => get(at, '/open', `${field}: /admin\r\n`),
    loot: /URL: \/admin/i,
    blocked: /asks for another method or path/,
    rule,
    naive,
    reachesNobody: true,
  })),
  ...['_method=DELETE', 'a=b&_%6dethod=DELETE', 'X-HTTP-Method-Override=PUT'].map((query) => ({
    name: `the query ${query}`,
    send: (at: string) => get(at, `/open?${query}`),
    loot: literally(query),
    blocked: /its query names a method/,
    rule,
    naive,
    reachesNobody: true,
  })),
  {
    name: 'a Host that is not that of the URL',
    send: (at) => get(at, '/open').replace(`Host: ${at}`, 'Host: inner.test'),
    loot: /Host: inner\.test/i,
    blocked: /its Host names inner\.test:80/,
    reachesNobody: true,
  },
  {
    name: 'two Hosts',
    send: (at) => get(at, '/open', 'Host: inner.test\r\n'),
    loot: /Host: inner\.test/i,
    blocked: /the field host stands in it twice/,
    reachesNobody: true,
  },
  {
    name: 'a user before the host',
    send: (at) => get(at, '/open').replace('http://', 'http://allowed.test@'),
    loot: /^GET \/open/m,
    blocked: /a user stands before its host/,
    reachesNobody: true,
  },
  {
    name: 'a field that Connection names',
    send: (at) => get(at, '/open', 'Connection: keep-alive, X-Hop\r\nX-Hop: hop-loot\r\n'),
    loot: /hop-loot/,
    harmless: /^GET \/open HTTP\/1\.1\r\nhost: site\.test:\d+\r\n\r\n$/,
  },
  {
    name: 'what a program says to its proxy',
    send: (at) => get(at, '/open', 'Proxy-Authorization: Basic proxy-loot\r\nProxy-Connection: keep-alive\r\n'),
    loot: /proxy-/i,
    harmless: /^GET \/open HTTP\/1\.1\r\nhost: site\.test:\d+\r\n\r\n$/,
  },
  {
    name: 'an address that the program says it comes from',
    send: (at) =>
      get(at, '/open', 'X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1\r\nX-Real-IP: 127.0.0.1\r\n'),
    loot: /forwarded|real-ip/i,
    harmless: /^GET \/open HTTP\/1\.1\r\nhost: site\.test:\d+\r\n\r\n$/,
  },
]);

const everything = { allows: (_: string, path: string) => !path.includes('/git-receive-pack') };

defineAttacks('A push to a git server that may be read', [
  {
    name: 'the question that comes before a push',
    send: (at) => get(at, '/repo.git/info/refs?service=git-receive-pack'),
    loot: /^GET \/repo\.git\/info\/refs\?service=git-receive-pack/m,
    blocked: /never by a git push/,
    naive: everything,
    reachesNobody: true,
  },
  {
    name: 'the same question with escapes',
    send: (at) => get(at, '/repo.git/info/refs?a=b&service=git%2Dreceive%2dpack'),
    loot: /^GET \/repo\.git\/info\/refs/m,
    blocked: /never by a git push/,
    naive: everything,
    reachesNobody: true,
  },
  {
    name: 'a push',
    send: (at) =>
      `POST http://${at}/repo.git/git-receive-pack HTTP/1.1\r\nHost: ${at}\r\nContent-Length: 4\r\n\r\n0000`,
    loot: /^POST \/repo\.git\/git-receive-pack/m,
    blocked: /never by a git push/,
    reachesNobody: true,
  },
  {
    name: 'a push with escapes',
    send: (at) =>
      `POST http://${at}/repo.git/%67it%2dreceive-pack HTTP/1.1\r\nHost: ${at}\r\nContent-Length: 4\r\n\r\n0000`,
    loot: /^POST \/repo\.git\/%67it/m,
    blocked: /never by a git push/,
    naive: everything,
    reachesNobody: true,
  },
]);

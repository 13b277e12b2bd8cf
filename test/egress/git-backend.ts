// Owns git's own CGI program behind a server of a test. Knows no proxy and no policy.
import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** Answers for the repositories below `folder`, which everybody may fetch; `under` is the path of the server that stands for it. */
export function runBackend(folder: string, asked: IncomingMessage, answer: ServerResponse, under = ''): void {
  const { pathname, search } = new URL(asked.url ?? '/', 'http://a');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOME: folder,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      REMOTE_USER: 'a',
      REQUEST_METHOD: asked.method ?? '',
      PATH_INFO: pathname.slice(under.length),
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: asked.headers['content-type'] ?? '',
      GIT_PROTOCOL: String(asked.headers['git-protocol'] ?? ''),
      HTTP_CONTENT_ENCODING: asked.headers['content-encoding'] ?? '',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  asked.pipe(child.stdin);
  child.stdin.on('error', () => {});
  let head = '';
  const onData = (bytes: Buffer) => {
    head += bytes.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    child.stdout.off('data', onData);
    for (const line of head.slice(0, end).split('\r\n')) {
      const [name = '', value = ''] = line.split(/: (.*)/);
      if (name === 'Status') answer.statusCode = Number.parseInt(value, 10);
      else answer.setHeader(name, value);
    }
    answer.write(Buffer.from(head.slice(end + 4), 'latin1'));
    child.stdout.pipe(answer);
  };
  child.stdout.on('data', onData);
}

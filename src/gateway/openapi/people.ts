// Owns the description of the routes by which people sign in with a browser. Knows no handler.
import { object, type Operation, text, yes } from './operation.ts';

const plain = { type: 'string' };

export const PEOPLE_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    route: '/auth/login',
    summary: 'Sends a browser to the identity provider; `to`: the path to go on with afterwards',
    roles: 'everyone',
    query: { to: text },
    answer: { status: 302, schema: plain, type: 'text/plain' },
    example: {},
  },
  {
    method: 'get',
    route: '/auth/callback',
    summary: 'Where the identity provider sends the browser back to: the session comes as a cookie',
    roles: 'everyone',
    query: { code: text, state: text, error: text },
    answer: { status: 200, schema: plain, type: 'text/html' },
    example: {},
  },
  {
    method: 'post',
    route: '/auth/logout',
    summary: 'Ends the session of the browser',
    roles: 'everyone',
    body: object({}),
    answer: { status: 200, schema: object({ ok: yes }) },
    example: { body: {} },
  },
];

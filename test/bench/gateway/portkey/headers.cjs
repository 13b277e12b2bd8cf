// Owns the one change without which Portkey's gateway answers every stream with 500 on this Node: the headers of what it fetches are
// copied once for each request.
'use strict';

const plain = globalThis.fetch;

globalThis.fetch = async (...words) => {
  const { body, status, statusText, headers } = await plain(...words);
  return new Response(body, { status, statusText, headers: new Headers(headers) });
};

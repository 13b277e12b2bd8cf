// Owns the signature of a thinking block, which carries the thinking where the client does not want to see it. Knows no stream.

const SHOWN = 'caisson';
const HIDDEN = 'caisson.';

/** Of thinking that is shown beside it. */
export const SHOWN_SIGNATURE = SHOWN;

/**
 * Of thinking that is not shown: clients send the signature back with the history, and so the template gets the thinking again.
 * It hides the thinking from no one.
 */
export function hiddenSignature(thinking: string): string {
  return `${HIDDEN}${Buffer.from(thinking, 'utf8').toString('base64url')}`;
}

/** The thinking that a signature carries; '' for none, as in one of another service. */
export function thinkingIn(signature: string): string {
  return signature.startsWith(HIDDEN) ? Buffer.from(signature.slice(HIDDEN.length), 'base64url').toString('utf8') : '';
}

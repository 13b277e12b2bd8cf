// Owns the event of a claim to be done, which two rooms write: the tool that was called, and the loop for a claim in words.
import { sha256 } from '../base/hash.ts';
import type { EmitEvent } from './ports.ts';
import type { FinishClaim } from './tools.ts';

/** `call`: id of the finish call, '' for a claim in words. */
export function claimEvent({ summary, checked }: FinishClaim, call: string): EmitEvent {
  const text = JSON.stringify({ summary, checked });
  return { body: { type: 'finish_claimed', call, summaryHash: sha256(text) }, contents: [text] };
}

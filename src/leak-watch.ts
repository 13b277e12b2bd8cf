// Owns that what looks like a secret is not kept by the journal, and that people hear of it. A composition root.
import { sha256 } from './base/hash.ts';
import type { Journal, NewEvent } from './contracts/journal.ts';
import type { EventBody } from './contracts/run-events.ts';
import { maskSecrets } from './workspace/leaks/mask.ts';

/**
 * A content with a secret is stored masked under its new hash, and an event behind the one that names it says of what kind it was. A patch
 * is stored as it is: it is bound to the tree that it makes, and is flagged instead.
 */
export function watchedJournal<Kind extends Journal>(journal: Kind): Kind {
  return { ...journal, append: (events) => journal.append(events.flatMap(watched)) };
}

function watched(event: NewEvent): readonly NewEvent[] {
  const { body, contents = [] } = event;
  const kept = body.type === 'patch_made' ? body.patchHash : '';
  const kinds: string[] = [];
  const renamed = new Map<string, string>();
  const shown = contents.map((content) => {
    const masked = maskSecrets(content);
    if (masked.kinds.length === 0 || sha256(content) === kept) return content;
    kinds.push(...masked.kinds);
    renamed.set(sha256(content), sha256(masked.text));
    return masked.text;
  });
  if (kinds.length === 0) return [event];
  const report: EventBody = { type: 'secrets_masked', of: body.type, kinds: [...new Set(kinds)] };
  const { chain, step } = event;
  return [
    { ...event, body: renameHashes(body, renamed), contents: shown },
    { chain, body: report, ...(step === undefined ? {} : { step }) },
  ];
}

/** Only the values of fields change, each a hash for a hash. */
function renameHashes(body: EventBody, renamed: ReadonlyMap<string, string>): EventBody {
  const fields = Object.entries(body).map(([name, value]) => [
    name,
    typeof value === 'string' ? (renamed.get(value) ?? value) : value,
  ]);
  return Object.fromEntries(fields) as EventBody;
}

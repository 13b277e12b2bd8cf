// Owns the words between the service and the proxy behind a sandbox. Plain data, but for the ports at the end.
import type { Server } from 'node:net';
import type { Transform } from 'node:stream';
import type { Verdict } from './decisions.ts';
import type { EgressEffect } from './effects.ts';

/** Which requests a rule or a grant covers. A field that is absent covers everything; one that is there is never empty. */
export interface EgressMatch {
  /** Lower case, no final dot, punycode: a name, or `*.name` for every name below it. */
  readonly hosts?: readonly string[];
  readonly ports?: readonly number[];
  readonly schemes?: readonly ('http' | 'https')[];
  /** Upper case, compared exactly. */
  readonly methods?: readonly string[];
  /** Patterns on the canonical path without its query: `*` is any characters but `/`, `**` any characters. */
  readonly paths?: readonly string[];
  /** `/api` covers /api and what lies below it. With `paths`, one of either is enough. */
  readonly pathPrefixes?: readonly string[];
}

/** One rule of the policy on the network. The strictest that matches decides; no match is a deny. */
export interface EgressRule extends EgressMatch {
  readonly id: string;
  readonly verdict: Verdict;
  readonly reason: string;
  readonly advice: string;
  /** Ranges as `10.2.0.0/16` or `fd00::/8` that it may reach although they are not public. */
  readonly addresses?: readonly string[];
  /** `end`: TLS ends at the proxy, so that method and path are seen (the default). `pass`: only the name in the ClientHello is. */
  readonly tls?: 'end' | 'pass';
  readonly websocket?: boolean;
  readonly caps?: EgressCaps;
}

export interface EgressCaps {
  /** Bytes of one request's body. */
  readonly requestBytes?: number;
  /** Bytes of one response's body. */
  readonly responseBytes?: number;
  readonly requestsPerMinute?: number;
}

/** What a person allowed: it overrules a rule that asks and the default, never one that denies. */
export interface EgressGrant {
  readonly id: string;
  readonly match: EgressMatch;
  /** Requests that it covers; absent: any number. */
  readonly uses?: number;
  /** Milliseconds since 1970; absent: as long as its run lives. */
  readonly expiresAt?: number;
}

/** A secret and the only place where it may go. The sandbox sees the placeholder. */
export interface BoundSecret {
  readonly name: string;
  readonly placeholder: string;
  readonly value: string;
  /** Name of the header that it is replaced in, lower case. */
  readonly header: string;
  /** `hosts` is always there. */
  readonly match: EgressMatch;
}

/** All that the proxy of one sandbox goes by. It crosses the executor's socket: whoever holds it holds the secrets. */
export interface EgressProfile {
  readonly rules: readonly EgressRule[];
  readonly grants: readonly EgressGrant[];
  /** Only addresses of `siteRanges` are reached, whatever a rule or a grant says. */
  readonly airGapped: boolean;
  readonly siteRanges: readonly string[];
  /** Never reached: listeners of the service, engines. A host is a name or an address; without a port, all of its ports. */
  readonly floor: readonly { readonly host: string; readonly port?: number }[];
  /** Names that are not asked of a resolver. */
  readonly names: Readonly<Record<string, readonly string[]>>;
  /** The site's own proxy for what is not in `direct`. */
  readonly upstream?: { readonly url: string; readonly direct: readonly string[] };
  /** PEM of authorities that origins are trusted by beside the public ones. */
  readonly authorities?: string;
  readonly secrets: readonly BoundSecret[];
}

/** What a program in the sandbox asked of the network, and what came of it. */
export interface EgressRecord {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly outcome: 'allowed' | 'denied' | 'failed';
  /** Id of the rule or grant that decided; `default:egress`, or `floor:…` for what no rule and no grant can allow. */
  readonly rule: string;
  readonly grant?: string;
  readonly host: string;
  readonly port: number;
  readonly scheme: 'http' | 'https';
  /** `CONNECT` with an empty path where TLS passes. */
  readonly method: string;
  readonly path: string;
  /** One sentence for the model. */
  readonly said: string;
  /** The narrowest thing to ask for that would allow it; absent: nothing would. */
  readonly ask?: EgressEffect;
  /** Names of the secrets that were put in. */
  readonly secrets?: readonly string[];
  /** How many alike ones this stands for; absent: one. Bytes are of all of them. */
  readonly times?: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface EgressJudgement {
  readonly verdict: Verdict;
  /** Undefined: none matched. With `grant`: the rule that asked; its addresses, ceilings and WebSocket hold under the grant too. */
  readonly rule: EgressRule | undefined;
  readonly grant?: EgressGrant;
  readonly reason: string;
  readonly advice: string;
}

/** The policy on the network of one sandbox, compiled. Pure but for the counted uses of grants. Never throws. */
export interface EgressJudge {
  /** Of a request whose path is canonical. */
  request(effect: EgressEffect): EgressJudgement;
  /** Before TLS: `deny` if nothing about this host and port could be allowed; `tls` says whether the bytes may pass as they are. */
  host(host: string, port: number): EgressJudgement & { readonly tls: 'end' | 'pass' };
  permit(grant: EgressGrant): void;
  /** Counts one use; false if none is left or its time is over. */
  use(grant: EgressGrant): boolean;
}

/** Fields in the order they go in, names in lower case. */
export type EgressFields = readonly (readonly [name: string, value: string])[];

/** Placeholders become values on their way to the origin, and values placeholders on their way back. Never throws. */
export interface EgressSecrets {
  /** Fields of a request that was allowed, as they go to its origin. `used`: names of the secrets that were put in. */
  outgoing(
    request: EgressEffect,
    fields: EgressFields,
  ): { readonly fields: EgressFields; readonly used: readonly string[] };
  /** Of the answer to such a request; undefined: no secret goes to that origin, and its bytes pass as they are. */
  incoming(request: EgressEffect): EgressMask | undefined;
}

export interface EgressMask {
  /**
   * Fields of the answer, as the sandbox gets them, and what its whole body is to go through (its length may change). `refused`: the
   * answer cannot be read (as in an unknown content-encoding), why, in words that can stand behind "because".
   */
  answer(
    fields: EgressFields,
  ): { readonly fields: EgressFields; readonly body: Transform } | { readonly refused: string };
}

/** The proxy of one sandbox. Methods never throw for what the sandbox or an origin does. */
export interface SandboxProxy {
  /** PEM of the authority that only this sandbox trusts. */
  readonly authority: string;
  /** Takes over a listening socket of the sandbox's own loopback. Called again for each new shell, when the one before is closed. */
  serve(listener: Server): void;
  permit(grant: EgressGrant): void;
  /** What was recorded since the last call, at most LIMITS.egressRecords; alike ones in a row are one. */
  take(): readonly EgressRecord[];
  /** Ends every connection. */
  close(): Promise<void>;
}

/** Rejects with `config_invalid` for a profile that cannot be served. */
export type OpenProxy = (
  profile: EgressProfile,
  of: { readonly run: string; readonly sandbox: string },
) => Promise<SandboxProxy>;

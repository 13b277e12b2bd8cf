// Owns what a program says on one connection: requests one after the other, each judged by itself, and tunnels. Decides nothing itself.
import type { Clock } from '../base/clock.ts';
import type { EgressSecrets } from '../contracts/egress.ts';
import type { EgressEffect } from '../contracts/effects.ts';
import type { Dialer } from './address/dial.ts';
import { type Authority, parseAuthority } from './address/host.ts';
import { type Asked, otherHost, readAsked } from './asked.ts';
import { readClientHello } from './client-hello.ts';
import { exchange, type Exchanged } from './exchange.ts';
import { type Admitted, type Gate, isRefusal, tunnelEffect } from './gate.ts';
import { headText } from './http/fields.ts';
import { requestFraming } from './http/framing.ts';
import { parseRequestHead, readHead, type RequestHead } from './http/head.ts';
import { splice } from './http/splice.ts';
import { createWire, isFault, type Wire } from './http/wire.ts';
import type { Records } from './records.ts';
import { byBarrier, byFailure, byFraming, bySize, describe, type Refusal } from './refusal.ts';
import type { EgressTls } from './tls-port.ts';

export interface Parts {
  readonly gate: Gate;
  readonly dialer: Dialer;
  readonly tls: EgressTls;
  readonly secrets: EgressSecrets | undefined;
  readonly records: Records;
  readonly clock: Pick<Clock, 'now'>;
}

interface Traffic {
  readonly secrets?: readonly string[];
  readonly sentBytes?: number;
  readonly receivedBytes?: number;
}

const CONNECTED = 'HTTP/1.1 200 Connection established\r\n\r\n';
const HTTPS_PORT = 443;
/** After a word to a program that still sends: so long and so much is read and thrown away, or the word would be lost with a reset. */
const LINGER_MS = 2000;
const LINGER_BYTES = 4 * 1024 * 1024;
const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  413: 'Content Too Large',
  429: 'Too Many Requests',
  502: 'Bad Gateway',
};
/** Fatal, access_denied: what a TLS client can show. */
const ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 49]);
const NOWHERE: EgressEffect = { type: 'egress', host: '', port: 0, scheme: 'http', method: '', path: '' };

/** Until the connection ends. `tunnel`: where TLS was ended on it. */
export async function serveRequests(wire: Wire, tunnel: Authority | undefined, parts: Parts): Promise<void> {
  while (await serveNext(wire, tunnel, parts));
}

async function serveNext(wire: Wire, tunnel: Authority | undefined, parts: Parts): Promise<boolean> {
  const text = await readHead(wire);
  if (text === undefined || (isFault(text) && (wire.isGone() || text.isSilence === true))) {
    wire.destroy();
    return false;
  }
  const head = isFault(text) ? text : parseRequestHead(text);
  if (isFault(head)) return refuseForm(wire, tunnel, head.fault, parts);
  if (head.method === 'CONNECT') return openTunnel(head, wire, tunnel, parts);
  const asked = readAsked(head, tunnel);
  if (isFault(asked)) return refuseForm(wire, tunnel, asked.fault, parts);
  const admitted = await parts.gate.request(asked);
  if (!isRefusal(admitted)) return serveAdmitted(asked, admitted, wire, parts);
  record(parts, asked.effect, admitted);
  const hasBody = asked.framing.by !== 'length' || asked.framing.bytes > 0;
  return tell(wire, admitted, { ...asked, isLast: asked.isLast || hasBody });
}

async function serveAdmitted(asked: Asked, admitted: Admitted, wire: Wire, parts: Parts): Promise<boolean> {
  const done = await exchange(asked, admitted, wire, parts);
  record(parts, asked.effect, done.refusal ?? admitted, done);
  if (done.isUntold === true && done.refusal !== undefined)
    return tell(wire, done.refusal, { ...asked, isLast: asked.isLast || !done.keeps });
  if (done.keeps && !asked.isLast) return true;
  return endOrCut(done, wire);
}

/** An answer that broke off must not look like one that ended. */
async function endOrCut(done: Exchanged, wire: Wire): Promise<false> {
  if (done.refusal === undefined) await linger(wire);
  wire.destroy();
  return false;
}

async function refuseForm(wire: Wire, tunnel: Authority | undefined, fault: string, parts: Parts): Promise<boolean> {
  const refusal = byFraming(tunnel === undefined ? 'A request' : `A request to ${tunnel.host.text}`, fault);
  const place = tunnel === undefined ? {} : { host: tunnel.host.text, port: tunnel.port, scheme: 'https' as const };
  record(parts, { ...NOWHERE, ...place }, refusal);
  return tell(wire, refusal, { isLast: true });
}

/** Answers with the sentence. True if another request may follow. */
async function tell(
  wire: Wire,
  { status, said }: Refusal,
  { effect, isLast }: { readonly effect?: EgressEffect; readonly isLast: boolean },
): Promise<boolean> {
  const body = `${said}\n`;
  const head = headText(`HTTP/1.1 ${status} ${REASONS[status] ?? 'Error'}`, [
    ['content-type', 'text/plain; charset=utf-8'],
    ['content-length', String(Buffer.byteLength(body))],
    ['cache-control', 'no-store'],
    ['connection', isLast ? 'close' : 'keep-alive'],
  ]);
  const isThere = await wire.write(head, Buffer.from(effect?.method === 'HEAD' ? '' : body));
  if (isThere && !isLast) return true;
  await linger(wire);
  wire.destroy();
  return false;
}

async function linger(wire: Wire): Promise<void> {
  wire.end();
  const until = performance.now() + LINGER_MS;
  for (let bytes = 0; bytes < LINGER_BYTES;) {
    const piece = await wire.read(Math.max(1, until - performance.now()));
    if (piece === undefined || isFault(piece)) return;
    bytes += piece.length;
  }
}

async function openTunnel(head: RequestHead, wire: Wire, outer: Authority | undefined, parts: Parts): Promise<boolean> {
  const to =
    outer === undefined ? parseAuthority(head.target, undefined) : { fault: 'it asks for a tunnel in a tunnel' };
  const wrong = isFault(to) ? to : (otherHost(head, to, HTTPS_PORT) ?? bodyFault(head));
  if (isFault(to) || wrong !== undefined)
    return refuseForm(wire, outer, (wrong ?? (to as { fault: string })).fault, parts);
  const effect = tunnelEffect(to.host, to.port);
  const admitted = await parts.gate.tunnel(to);
  if (isRefusal(admitted)) {
    record(parts, effect, admitted);
    return tell(wire, admitted, { effect, isLast: head.minor === 0 });
  }
  await (admitted.tls === 'end' ? endTls(to, wire, parts) : passTls(to, admitted, wire, parts));
  return false;
}

function bodyFault(head: RequestHead): { readonly fault: string } | undefined {
  const framing = requestFraming(head);
  if (isFault(framing)) return framing;
  return framing.by === 'length' && framing.bytes === 0 ? undefined : { fault: 'a CONNECT has no body' };
}

async function endTls(to: Authority, wire: Wire, parts: Parts): Promise<void> {
  await wire.write(CONNECTED);
  const hello = await checkedHello(to, false, wire, parts);
  if (hello === undefined) return;
  const { stream, ahead } = wire.release();
  try {
    const target = { host: to.host.text, port: to.port };
    const plain = await parts.tls.terminate(stream, Buffer.concat([hello, ahead]), target);
    await serveRequests(createWire(plain), to, parts);
  } catch (error) {
    stream.destroy();
    const why = error instanceof Error ? error.message : 'the handshake failed';
    record(parts, tunnelEffect(to.host, to.port), byFailure(tunnelEffect(to.host, to.port), 'tls:end', why));
  }
}

async function passTls(to: Authority, admitted: Admitted, wire: Wire, parts: Parts): Promise<void> {
  const effect = tunnelEffect(to.host, to.port);
  const origin = await parts.dialer.dial({ ...to, over: 'pass' }, admitted.addresses);
  if (isFault(origin)) {
    const refusal = byFailure(effect, admitted.by, origin.fault);
    record(parts, effect, refusal);
    await tell(wire, refusal, { effect, isLast: true });
    return;
  }
  await wire.write(CONNECTED);
  const hello = await checkedHello(to, true, wire, parts);
  if (hello === undefined) return origin.wire.destroy();
  await origin.wire.write(hello);
  const { over, sent, received } = await splice(wire, origin.wire, admitted.rule?.caps ?? {});
  const end = over === undefined ? admitted : bySize(effect, admitted.by, over.what, over.most);
  record(parts, effect, end, { sentBytes: sent + hello.length, receivedBytes: received });
}

/** Bytes of a hello that names the tunnel’s host and nothing else; otherwise the program is cut off. `passes`: nobody sees more of it. */
async function checkedHello(to: Authority, passes: boolean, wire: Wire, parts: Parts): Promise<Buffer | undefined> {
  const hello = await readClientHello(wire);
  if (hello === undefined) {
    wire.destroy();
    return undefined;
  }
  const fault = isFault(hello) ? hello.fault : nameFault(hello, to, passes);
  if (fault === undefined && !isFault(hello)) return hello.bytes;
  const effect = tunnelEffect(to.host, to.port);
  record(parts, effect, byBarrier(effect, { barrier: 'floor:server-name', why: fault ?? 'no ClientHello' }));
  await wire.write(ALERT);
  await linger(wire);
  wire.destroy();
  return undefined;
}

/**
 * A hidden hello (ECH) may lead to another host than the visible name, and a decoy of one looks alike. Where bytes pass, both are refused.
 * Where TLS ends here, neither leads anywhere: the hello that goes to the origin is our own.
 */
function nameFault(
  { name, hasHidden }: { readonly name: string; readonly hasHidden: boolean },
  to: Authority,
  passes: boolean,
): string | undefined {
  if (name !== to.host.text) return `its server name is ${name}, the tunnel leads to ${to.host.text}`;
  return hasHidden && passes
    ? 'its ClientHello has an encrypted part (ECH or a decoy), which may hide another name'
    : undefined;
}

function record(parts: Parts, effect: EgressEffect, end: Refusal | Admitted, traffic: Traffic = {}): void {
  const { host, port, scheme, method, path } = effect;
  const decided = isRefusal(end)
    ? { outcome: end.outcome, rule: end.rule, said: end.said, ...(end.ask === undefined ? {} : { ask: end.ask }) }
    : { outcome: 'allowed' as const, rule: end.by, said: `${describe(effect)} was allowed by ${end.by}.` };
  parts.records.add({
    at: parts.clock.now(),
    ...decided,
    ...(end.grant === undefined ? {} : { grant: end.grant.id }),
    host,
    port,
    scheme,
    method,
    path,
    ...(traffic.secrets === undefined || traffic.secrets.length === 0 ? {} : { secrets: traffic.secrets }),
    sentBytes: traffic.sentBytes ?? 0,
    receivedBytes: traffic.receivedBytes ?? 0,
  });
}

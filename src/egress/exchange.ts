// Owns one admitted request: to its origin, and the answer back, each written anew. Judges nothing.
import { createHash } from 'node:crypto';
import type { EgressFields, EgressMask, EgressSecrets } from '../contracts/egress.ts';
import type { Dialer, Origin } from './address/dial.ts';
import { type Asked, hostField } from './asked.ts';
import type { Admitted } from './gate.ts';
import { connectionOptions, fieldsToSend, headText, onlyValue } from './http/fields.ts';
import { answerFraming, type Body, bodyOf, type Framing } from './http/framing.ts';
import { type AnswerHead, parseAnswerHead, readHead } from './http/head.ts';
import { splice } from './http/splice.ts';
import { createWire, type Fault, isFault, type Wire } from './http/wire.ts';
import { byFailure, bySize, type Refusal } from './refusal.ts';

/** What came of it. */
export interface Exchanged {
  /** Another request may follow on the program's connection. */
  readonly keeps: boolean;
  readonly refusal?: Refusal;
  /** The refusal is still to be told to the program: nothing of an answer was sent yet. */
  readonly isUntold?: boolean;
  readonly secrets: readonly string[];
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

export interface ExchangeParts {
  readonly dialer: Dialer;
  readonly secrets: EgressSecrets | undefined;
}

interface Course {
  readonly asked: Asked;
  readonly admitted: Admitted;
  readonly client: Wire;
  readonly body: Body;
  readonly mask: EgressMask | undefined;
  readonly fields: EgressFields;
  readonly secrets: readonly string[];
  sent: number;
  received: number;
  bodyDone: boolean;
  /** Why the body was not sent to its end. */
  broken: Refusal | undefined;
}

const MOST_INTERIM = 16;
const SWITCHING = 101;
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
const WEBSOCKET_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const LAST_CHUNK = '0\r\n\r\n';
const UPGRADE: EgressFields = [
  ['connection', 'Upgrade'],
  ['upgrade', 'websocket'],
];
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

export async function exchange(
  asked: Asked,
  admitted: Admitted,
  client: Wire,
  parts: ExchangeParts,
): Promise<Exchanged> {
  const put = parts.secrets?.outgoing(asked.effect, asked.fields) ?? { fields: asked.fields, used: [] };
  const course: Course = {
    asked,
    admitted,
    client,
    body: bodyOf(client, asked.framing),
    mask: parts.secrets?.incoming(asked.effect),
    fields: put.fields,
    secrets: put.used,
    sent: 0,
    received: 0,
    bodyDone: isEmpty(asked.framing),
    broken: undefined,
  };
  const first = await attempt(course, parts.dialer, false);
  return first === 'stale' ? ((await attempt(course, parts.dialer, true)) as Exchanged) : first;
}

/** `stale`: a connection that was used before ended before a word of an answer, and the request may be sent again. */
async function attempt(course: Course, dialer: Dialer, fresh: boolean): Promise<Exchanged | 'stale'> {
  const { asked, client, admitted } = course;
  const target = { host: asked.host, port: asked.effect.port, over: asked.effect.scheme };
  const origin = await dialer.dial(target, admitted.addresses, fresh);
  if (isFault(origin)) return untold(course, origin);
  client.whenGone(() => origin.wire.destroy());
  // It may be answered before it was sent to its end; then nobody waits for the rest.
  void sendRequest(course, origin);
  const answer = await readAnswer(course, origin.wire);
  if (!isFault(answer)) return passAnswer(course, answer, origin, dialer);
  origin.wire.destroy();
  client.whenGone(undefined);
  const mayRepeat =
    origin.isUsed && !fresh && answer.isBeforeAnswer && course.sent === 0 && SAFE.has(asked.effect.method);
  return mayRepeat && !client.isGone() && isEmpty(asked.framing) ? 'stale' : untold(course, course.broken ?? answer);
}

function isEmpty(framing: Framing): boolean {
  return framing.by === 'length' && framing.bytes === 0;
}

function finished(course: Course, keeps: boolean, refusal?: Refusal): Exchanged {
  const { secrets, sent: sentBytes, received: receivedBytes } = course;
  course.client.whenGone(undefined);
  return { keeps, secrets, sentBytes, receivedBytes, ...(refusal === undefined ? {} : { refusal }) };
}

function untold(course: Course, why: Fault | Refusal): Exchanged {
  const refusal = isFault(why) ? failure(course, why) : why;
  return { ...finished(course, course.bodyDone, refusal), isUntold: true };
}

function failure({ asked, admitted }: Course, { fault }: Fault): Refusal {
  return byFailure(asked.effect, admitted.by, fault);
}

async function sendRequest(course: Course, origin: Origin): Promise<void> {
  const { asked, client } = course;
  await origin.wire.write(requestHead(course, origin));
  if (course.bodyDone) return;
  if (asked.expects) await client.write(CONTINUE);
  const broken = await sendBody(course, origin.wire);
  if (broken === undefined) return;
  course.broken = broken;
  origin.wire.destroy();
}

function requestHead({ asked, fields, mask }: Course, { absolute }: Origin): string {
  const { effect, query, websocket } = asked;
  const host = hostField(asked);
  const target = `${effect.path}${query === '' ? '' : `?${query}`}`;
  const upgrade: EgressFields = websocket ? UPGRADE : [];
  const own: EgressFields = [['host', host], ...(absolute ?? []), ...upgrade, ...framingFields(asked)];
  // What is compressed frame by frame could not be masked.
  const kept = mask === undefined ? fields : fields.filter(([name]) => name !== 'sec-websocket-extensions');
  const line = `${effect.method} ${absolute === undefined ? '' : `http://${host}`}${target} HTTP/1.1`;
  return headText(line, [...own, ...kept]);
}

/** Why it was not sent to its end; undefined: it was, or the origin did not want it. */
async function sendBody(course: Course, origin: Wire): Promise<Refusal | undefined> {
  const { asked, admitted } = course;
  const inChunks = asked.framing.by === 'chunks';
  const most = admitted.rule?.caps?.requestBytes ?? Number.POSITIVE_INFINITY;
  for (;;) {
    const piece = await course.body();
    if (isFault(piece)) return failure(course, { fault: `the request was not sent to its end: ${piece.fault}` });
    if (piece === undefined) break;
    course.sent += piece.length;
    if (course.sent > most) return bySize(asked.effect, admitted.by, 'body', most);
    if (!(await writePiece(origin, piece, inChunks))) return undefined;
  }
  if (inChunks) await origin.write(LAST_CHUNK);
  course.bodyDone = true;
  return undefined;
}

function framingFields({ framing, effect }: Asked): EgressFields {
  if (framing.by === 'chunks') return [['transfer-encoding', 'chunked']];
  if (isEmpty(framing) && SAFE.has(effect.method)) return [];
  return framing.by === 'length' ? [['content-length', String(framing.bytes)]] : [];
}

function writePiece(to: Wire, piece: Buffer, inChunks: boolean): Promise<boolean> {
  return to.write(...framed(piece, inChunks));
}

type NoAnswer = Fault & { readonly isBeforeAnswer: boolean };

/** The final answer; those that come before it are dropped. */
async function readAnswer(course: Course, origin: Wire): Promise<AnswerHead | NoAnswer> {
  for (let count = 0; count < MOST_INTERIM; count += 1) {
    const text = await readNextHead(course, origin);
    if (text === undefined) return { fault: 'the origin ended without an answer', isBeforeAnswer: true };
    if (isFault(text)) return { fault: `its answer was refused: ${text.fault}`, isBeforeAnswer: text.isCut === true };
    const head = parseAnswerHead(text);
    if (isFault(head)) return { fault: `its answer was refused: ${head.fault}`, isBeforeAnswer: false };
    if (head.status >= 200) return head;
    if (head.status === SWITCHING) {
      if (course.asked.websocket) return head;
      return {
        fault: 'its answer was refused: it changes to another protocol that nobody asked for',
        isBeforeAnswer: false,
      };
    }
  }
  return { fault: 'its answer was refused: too many interim answers', isBeforeAnswer: false };
}

/** An origin that still gets the body may be silent. */
async function readNextHead(course: Course, origin: Wire): Promise<string | undefined | Fault> {
  for (;;) {
    const text = await readHead(origin);
    if (!isFault(text) || text.isSilence !== true || course.bodyDone) return text;
  }
}

async function passAnswer(course: Course, head: AnswerHead, origin: Origin, dialer: Dialer): Promise<Exchanged> {
  if (head.status === SWITCHING) return passSwitched(course, head, origin);
  const framing = answerFraming(head, course.asked.effect.method);
  const shown = isFault(framing) ? framing : shownAnswer(course, head, framing, origin.wire);
  if (isFault(framing) || !('body' in shown)) {
    origin.wire.destroy();
    return untold(course, isFault(shown) ? { fault: `its answer was refused: ${shown.fault}` } : (shown as Refusal));
  }
  const broken = await sendAnswer(course, head, shown);
  course.client.whenGone(undefined);
  const isWhole = broken === undefined && course.bodyDone;
  if (isWhole && mayKeep(head, framing)) dialer.keep(origin);
  else origin.wire.destroy();
  return finished(course, isWhole && !shown.untilClose, broken);
}

function mayKeep({ minor, fields }: AnswerHead, framing: Framing): boolean {
  return minor === 1 && framing.by !== 'close' && !connectionOptions(fields).has('close');
}

interface Shown {
  readonly fields: EgressFields;
  readonly body: Body;
  readonly inChunks: boolean;
  /** The program knows the end of the body only by the end of its connection. */
  readonly untilClose: boolean;
}

function shownAnswer(course: Course, head: AnswerHead, framing: Framing, origin: Wire): Shown | Fault | Refusal {
  const { asked, admitted, mask } = course;
  const most = admitted.rule?.caps?.responseBytes ?? Number.POSITIVE_INFINITY;
  if (framing.by === 'length' && framing.bytes > most) return bySize(asked.effect, admitted.by, 'answer', most);
  const body = countedBody(course, bodyOf(origin, framing), most);
  const fields = fieldsToSend(head.fields);
  const shown = mask?.answer(fields) ?? { fields };
  if ('refused' in shown) return { fault: shown.refused };
  if ('body' in shown && !isEmpty(framing)) {
    const through = createWire(shown.body);
    void feed(body, through);
    return { ...withFraming(shown.fields, asked, true), body: () => through.read() };
  }
  const length = lengthShown(head, framing, asked.effect.method);
  const own: EgressFields = length === undefined ? [] : [['content-length', length]];
  return { ...withFraming([...shown.fields, ...own], asked, framing.by !== 'length'), body };
}

function withFraming(fields: EgressFields, { minor }: Asked, isOpen: boolean): Omit<Shown, 'body'> {
  const inChunks = isOpen && minor === 1;
  const all: EgressFields = inChunks ? [...fields, ['transfer-encoding', 'chunked']] : fields;
  return { fields: all, inChunks, untilClose: isOpen && !inChunks };
}

/** An answer to HEAD says how long the other would be; one without a body by its status says nothing. */
function lengthShown({ status, fields }: AnswerHead, framing: Framing, method: string): string | undefined {
  if (framing.by !== 'length' || status === 204) return undefined;
  if (method !== 'HEAD' && status !== 304) return String(framing.bytes);
  const said = onlyValue(fields, 'content-length');
  return typeof said === 'string' ? said : undefined;
}

async function feed(body: Body, through: Wire): Promise<void> {
  for (;;) {
    const piece = await body();
    if (isFault(piece)) return through.destroy();
    if (piece === undefined) return through.end();
    if (!(await through.write(piece))) return;
  }
}

function countedBody(course: Course, body: Body, most: number): Body {
  return async () => {
    const piece = await body();
    if (piece === undefined || isFault(piece)) return piece;
    course.received += piece.length;
    if (course.received <= most) return piece;
    course.broken = bySize(course.asked.effect, course.admitted.by, 'answer', most);
    return { fault: 'it is too large' };
  };
}

/** Why it did not come to its end. */
async function sendAnswer(course: Course, { status, reason }: AnswerHead, shown: Shown): Promise<Refusal | undefined> {
  const { client, asked, mask } = course;
  const close: EgressFields = asked.isLast || shown.untilClose ? [['connection', 'close']] : [];
  // Words beside the number are one more place for what an origin was told.
  const line = `HTTP/1.1 ${status} ${mask === undefined ? reason : ''}`;
  let head: readonly string[] = [headText(line, [...shown.fields, ...close])];
  for (;;) {
    const piece = await shown.body();
    if (isFault(piece)) return course.broken ?? failure(course, { fault: `its answer broke off: ${piece.fault}` });
    const isThere = await client.write(...head, ...framed(piece, shown.inChunks));
    if (!isThere) return failure(course, { fault: 'the program did not wait for the answer' });
    if (piece === undefined) return undefined;
    head = [];
  }
}

function framed(piece: Buffer | undefined, inChunks: boolean): readonly (Buffer | string)[] {
  if (piece === undefined) return inChunks ? [LAST_CHUNK] : [];
  return inChunks ? [`${piece.length.toString(16)}\r\n`, piece, '\r\n'] : [piece];
}

async function passSwitched(course: Course, head: AnswerHead, origin: Origin): Promise<Exchanged> {
  const { asked, client, admitted } = course;
  const fields = fieldsToSend(head.fields);
  const shown = course.mask?.answer(fields) ?? { fields };
  if (!isAgreed(asked, head) || 'refused' in shown) {
    origin.wire.destroy();
    return untold(course, { fault: 'its answer was refused: it agrees to no WebSocket that was asked for' });
  }
  client.whenGone(undefined);
  await client.write(headText('HTTP/1.1 101 Switching Protocols', [...shown.fields, ...UPGRADE]));
  const through = 'body' in shown ? shown.body : undefined;
  const { sent, received, over } = await splice(client, origin.wire, admitted.rule?.caps ?? {}, through);
  course.sent += sent;
  course.received += received;
  return finished(course, false, over && bySize(asked.effect, admitted.by, over.what, over.most));
}

function isAgreed(asked: Asked, { fields }: AnswerHead): boolean {
  const [key, upgrade] = [onlyValue(asked.fields, 'sec-websocket-key'), onlyValue(fields, 'upgrade')];
  if (typeof key !== 'string' || typeof upgrade !== 'string') return false;
  const accept = createHash('sha1').update(`${key}${WEBSOCKET_GUID}`).digest('base64');
  return upgrade.toLowerCase() === 'websocket' && onlyValue(fields, 'sec-websocket-accept') === accept;
}

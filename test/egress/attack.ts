// How an attack is shown: against a naive proxy it must succeed (else it proves nothing), against ours it must fail for its reason.
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { EgressRule } from '../../src/contracts/egress.ts';
import { type Naive, openNaiveProxy } from './naive-proxy.ts';
import { HOST, LOOPBACK, OK, openOrigin, openTestProxy, talk, type Wanted } from './scene.ts';

export interface Attack {
  readonly name: string;
  /** What a program sends to a proxy; `at` is `site.test:PORT` of the origin. */
  readonly send: (at: string) => string;
  /** What only an attack that succeeded makes the origin see, or the program get. */
  readonly loot: RegExp;
  /** Why ours let it not through, as the model hears it; absent: it goes on without its sting, and `harmless` is what the origin saw. */
  readonly blocked?: RegExp;
  readonly harmless?: RegExp;
  readonly answer?: string | ((socket: Socket, text: string) => void);
  /** Of ours, beside the host and its address. */
  readonly rule?: Partial<EgressRule>;
  readonly wanted?: Partial<Wanted>;
  /** Of the naive one, which allows the host unless it says something else. */
  readonly naive?: Partial<Naive>;
  /** Nothing may have been sent to the origin. */
  readonly reachesNobody?: boolean;
}

export function defineAttacks(title: string, attacks: readonly Attack[]): void {
  describe(title, { concurrency: 4 }, () => {
    for (const attack of attacks) {
      it(`${attack.name} works against a naive proxy, and not here`, async () => {
        await assertWorks(attack);
        await assertFails(attack);
      });
    }
  });
}

async function assertWorks({ send, loot, answer, naive }: Attack): Promise<void> {
  const origin = await openOrigin(answer ?? OK);
  const addressOf = (name: string) => (name === HOST ? '127.0.0.1' : name);
  const proxy = await openNaiveProxy({ allows: (host) => host === HOST, addressOf, ...naive });
  const got = await talk(proxy.port, send(`${HOST}:${origin.port}`));
  await Promise.all([proxy.close(), origin.close()]);
  assert.match(`${origin.seen()}\n${got}`, loot, 'the attack proves nothing: it does not work against a naive proxy');
}

async function assertFails(attack: Attack): Promise<void> {
  const { send, loot, blocked, harmless, answer, rule, wanted, reachesNobody } = attack;
  const origin = await openOrigin(answer ?? OK);
  const proxy = await openTestProxy({ rules: [{ ...LOOPBACK, ...rule }], ...wanted });
  const got = await talk(proxy.port, send(`${HOST}:${origin.port}`));
  const said = proxy.records().map((record) => record.said);
  await Promise.all([proxy.close(), origin.close()]);
  const told = said.reduce((text, sentence) => text.replaceAll(sentence, ''), got);
  assert.doesNotMatch(`${origin.seen()}\n${told}`, loot);
  if (blocked !== undefined) assert.match(said.join('\n'), blocked);
  if (harmless !== undefined) assert.match(origin.seen(), harmless);
  if (reachesNobody === true) assert.equal(origin.connections(), 0);
}

/** A pattern for the text as it stands. */
export function literally(text: string): RegExp {
  return new RegExp(text.replaceAll(/\W/g, String.raw`\$&`));
}

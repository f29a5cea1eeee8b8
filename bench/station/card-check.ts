/**
 * Holds the instant card to the virtual card of node:crypto: the same taps, and every answer equal.
 * Then takes the time that the instant card needs for one tap.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { GateBuffers } from '../../engine/card/purse/command-buffers.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { Denylist } from '../../engine/denylist/denylist.ts';
import { tap } from '../../engine/tap/tap.ts';
import { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { KeyringHolder } from '../../gate/sam/keyring-holder.ts';
import { StationKeys } from '../../gate/sam/station-keys.ts';
import type { PlannedSetting } from '../../gate/station.ts';
import { InstantCard } from './instant-card.ts';
import { cardOf, HASH_KEY, keyringOf, type LoadPlan } from './plan.ts';
import { settingOf } from './setting.ts';

type Transmit = (apdu: Uint8Array) => Uint8Array;

export interface CardCheck {
  /** Of all answers of all cards. */
  readonly hash: Uint8Array;
  /** The instant card's own time for one tap, in microseconds. */
  readonly cardUs: number;
}

/** @throws AssertionError where an answer differs or a gate would stay closed. */
export function checkCards(plan: LoadPlan, cards: number, tapsTimed: number): CardCheck {
  const gates = makeGates(plan);
  const digest = createHash('sha256');
  for (let i = 0; i < cards; i++) {
    const state = cardOf(plan, 0, i);
    let draw = 0;
    const randomBytes = (length: number): Uint8Array => {
      assert.equal(length, 4);
      draw += 1;
      return InstantCard.random(i, draw);
    };
    const virtual = new VirtualCard({ state, randomBytes });
    const instant = new InstantCard(state, i);
    for (const gate of [...gates, ...gates]) {
      virtual.power();
      gate((apdu) => {
        const answer = instant.transmit(apdu);
        assert.deepEqual(answer, new Uint8Array(virtual.transmit(apdu)));
        digest.update(answer);
        return answer;
      });
    }
  }
  const timed = new InstantCard(cardOf(plan, 0, 0), 0);
  let ns = 0n;
  for (let i = 0; i < tapsTimed; i++) {
    gates[i % 2]!((apdu) => {
      const start = process.hrtime.bigint();
      const answer = timed.transmit(apdu);
      ns += process.hrtime.bigint() - start;
      return answer;
    });
  }
  return { hash: new Uint8Array(digest.digest()), cardUs: Number(ns) / 1000 / tapsTimed };
}

/** A gate in and a gate out, without journal. */
function makeGates(plan: LoadPlan): ((card: Transmit) => void)[] {
  const keys = new KeyringHolder(new StationKeys(keyringOf(plan)));
  const denylist = Denylist.build(cmacKey(HASH_KEY), []);
  let sequence = 0;
  return [0, 1].map((gate) => {
    const planned: Omit<PlannedSetting, 'desfire' | 'bank'> = settingOf(gate, denylist);
    const setting = {
      ...planned,
      buffers: new GateBuffers(planned.place),
      findUnconfirmed: () => null,
      prepareKey: (key: Parameters<typeof keys.prepare>[0]) => keys.prepare(key),
    };
    return (card: Transmit): void => {
      sequence += 1;
      const dialogue = tap(setting, Date.now(), sequence);
      let step = dialogue.next(null);
      while (step.done !== true) {
        const ask = step.value;
        if (ask.ask === 'card') {
          ask.meanwhile?.();
          step = dialogue.next(card(ask.apdu));
        } else if (ask.ask === 'mac1') step = dialogue.next(keys.mac1(ask));
        else if (ask.ask === 'mac2') step = dialogue.next(keys.mac2(ask.mac2));
        else step = dialogue.next(ask.ask === 'intent' ? null : 'go');
      }
      assert(step.value.open, step.value.reason);
    };
  });
}

/**
 * A desk that issues virtual DESFire cards: plan, keys, and a driver that can tear the card away at
 * any command and change what it answers. What must hold of a card at every moment is asserted.
 */
import assert from 'node:assert/strict';
import { makeChannel } from '../../engine/card/desfire/channel.ts';
import { compileDesfireProfile } from '../../engine/card/desfire/compile.ts';
import { type IssuingEnd, personalise } from '../../engine/card/desfire/issuing/personalise.ts';
import { type IssuingPlan, issuingPlan } from '../../engine/card/desfire/issuing/plan.ts';
import type { DesfireProfile } from '../../engine/card/desfire/profile.ts';
import { desfireProfile } from '../../engine/card/desfire/profiles.ts';
import { TransactionInput } from '../../engine/card/desfire/transaction-input.ts';
import type { Answer } from '../../engine/card/dialogue.ts';
import type { AesMasterKey } from '../../engine/crypto/aes-keyring.ts';
import { IssuingKeys } from '../../engine/crypto/desfire/issuing-keys.ts';
import { VirtualDesfireCard } from '../../gate/reader/virtual/desfire/card.ts';
import {
  blankDesfire,
  type DesfireState,
  type Generation,
  NO_FILE,
} from '../../gate/reader/virtual/desfire/state.ts';
import { IssuingKeyringHolder } from '../../gate/sam/issuing-holder.ts';
import { countingBytes, masters, type Tear, UID } from './desfire-kit.ts';

export const issuerMasters: readonly AesMasterKey[] = [
  { use: 'debit', version: 1, master: masters.debit },
  { use: 'load', version: 1, master: masters.load },
  { use: 'identity', version: 1, master: masters.identity },
  { use: 'transactionMac', version: 1, master: masters.transactionMac },
  { use: 'card', version: 1, master: new Uint8Array(16).fill(0x55) },
  { use: 'application', version: 1, master: new Uint8Array(16).fill(0x66) },
];

export type IssuingTamper = (answer: Uint8Array, command: string, nth: number) => Uint8Array | null;

export interface IssuingRun {
  readonly isLook?: boolean;
  readonly tear?: Tear;
  readonly tamper?: IssuingTamper;
  /** What anticollision gave, where it is not the card's UID. */
  readonly linkUid?: Uint8Array;
  /** The card is not of this desk's making. */
  readonly isForeign?: boolean;
}

export class IssuingKit {
  readonly plan: IssuingPlan;
  readonly generation: Generation;
  /** Names of the commands of the last run, one for each APDU. */
  readonly sent: string[] = [];
  readonly #holder: IssuingKeyringHolder;
  readonly #place = { channel: makeChannel(), input: new TransactionInput() };

  constructor(
    name: 'desfire-ev1' | 'desfire-ev2',
    change: Partial<DesfireProfile> = {},
    keys: readonly AesMasterKey[] = issuerMasters,
  ) {
    const profile = { ...desfireProfile(name), ...change };
    this.plan = issuingPlan(compileDesfireProfile(profile), name);
    this.generation = name === 'desfire-ev1' ? 'ev1' : 'ev2';
    this.#holder = new IssuingKeyringHolder(new IssuingKeys(keys), countingBytes(7));
  }

  blank(uid: Uint8Array = UID, refusesIso = false): VirtualDesfireCard {
    const state = blankDesfire(this.generation, uid);
    return cardOf(state, refusesIso);
  }

  /** One time on the reader. */
  run(card: VirtualDesfireCard, options: IssuingRun = {}): IssuingEnd {
    card.power();
    this.sent.length = 0;
    const { isLook = false, tear, tamper, linkUid = card.uid, isForeign = false } = options;
    const dialogue = personalise(this.#place, this.plan, linkUid, isLook);
    let step = dialogue.next();
    let present = true;
    while (!step.done) {
      const ask = step.value;
      let answer: Answer = null;
      if (ask.ask !== 'card') {
        answer = this.#holder.answer(ask);
      } else if (present) {
        this.sent.push(ask.command);
        present = tear?.command !== this.sent.length;
        if (present) answer = card.transmit(ask.apdu);
        else if (tear?.when === 'during') card.loseDuring(ask.apdu);
        else if (tear?.when === 'after') card.transmit(ask.apdu);
        if (answer !== null && tamper) {
          answer = tamper(answer as Uint8Array, ask.command, this.sent.length);
        }
        if (!isForeign) assertSafe(card.state);
      }
      step = dialogue.next(answer);
    }
    return step.value;
  }
}

export function cardOf(state: DesfireState, refusesIso = false): VirtualDesfireCard {
  return new VirtualDesfireCard({ state, refusesIso, randomBytes: countingBytes(3) });
}

/** No value, nor even a file for one, under a key of the factory; and never money. */
function assertSafe({ issuing, application }: DesfireState): void {
  if (application.value.number === NO_FILE) return;
  assert.equal(issuing?.cardKey.kind, 'aes');
  assert(issuing.keyVersions.every((version) => version !== 0));
  for (const key of application.keys) assert(key.some((byte) => byte !== 0));
  assert.equal(application.value.value, 0);
}

/**
 * What a station adds to its gates' plans for AES closed-loop cards: keys of the cards that came,
 * shared by all gates, and for each gate a holder of its session and the buffers it speaks through.
 */
import { randomBytes } from 'node:crypto';
import { DesfireForms } from '../engine/card/desfire/journey-forms.ts';
import { makePurseGate } from '../engine/card/desfire/purse.ts';
import type { GatePlace } from '../engine/card/journey-form.ts';
import { AesKeyring } from '../engine/crypto/aes-keyring.ts';
import type { KeySet } from '../engine/crypto/key-set.ts';
import type { DesfireSetting } from '../engine/tap/setting.ts';
import { AesCardKeys } from './sam/aes-card-keys.ts';
import { type AesKeyHolder, AesKeyringHolder } from './sam/aes-holder.ts';

/** The part of a gate's plan; the rest is the station's. */
export type PlannedDesfire = Pick<DesfireSetting, 'profiles'>;

export class StationDesfire {
  readonly cards: AesCardKeys;

  constructor(keyring: AesKeyring) {
    this.cards = new AesCardKeys(keyring);
  }

  /** One for each gate: one session is open at a time. */
  holder(): AesKeyHolder {
    return new AesKeyringHolder(this.cards, (length) => new Uint8Array(randomBytes(length)));
  }
}

/** The whole setting of a gate. */
export function completeDesfire(
  planned: PlannedDesfire,
  place: GatePlace,
  holder: AesKeyHolder,
): DesfireSetting {
  const gate = makePurseGate((key) => holder.prepare(key));
  return { ...planned, gate, forms: new DesfireForms(place) };
}

/** Whoever holds the masters of transaction MACs could forge debits, and of loads, money. */
export function gateAesKeyring({ aes }: KeySet): AesKeyring {
  return new AesKeyring(aes.filter(({ use }) => use === 'debit' || use === 'identity'));
}

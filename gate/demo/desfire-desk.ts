/**
 * The service desk's load of an AES closed-loop card: Credit under the load key, with the newest
 * record written again as it is, so that the journey and the card's count stay (docs/desfire.md).
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { DesfireDialogue } from '../../engine/card/desfire/asks.ts';
import { compileDesfireProfile } from '../../engine/card/desfire/compile.ts';
import { desfireProfile } from '../../engine/card/desfire/profiles.ts';
import {
  commit,
  makePurseGate,
  openPurse,
  prepareCredit,
} from '../../engine/card/desfire/purse.ts';
import { AesKeyring } from '../../engine/crypto/aes-keyring.ts';
import type { VirtualDesfireCard } from '../reader/virtual/desfire/card.ts';
import { AesCardKeys } from '../sam/aes-card-keys.ts';
import { AesKeyringHolder } from '../sam/aes-holder.ts';

const profile = compileDesfireProfile(desfireProfile('desfire-ev2'));

/** Credits `amountMinor`; asserts that the card took it. @param master of load keys, 16 bytes. */
export function topUpDesfire(
  card: VirtualDesfireCard,
  master: Uint8Array,
  amountMinor: number,
): void {
  const keyring = new AesKeyring([{ use: 'load', version: 1, master }]);
  const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
  const holder = new AesKeyringHolder(new AesCardKeys(keyring, 1), random);
  card.power();
  const dialogue = load(card.uid, holder, amountMinor);
  let step = dialogue.next();
  while (!step.done) {
    const ask = step.value;
    step = dialogue.next(ask.ask === 'card' ? card.transmit(ask.apdu) : holder.answer(ask));
  }
  assert(step.value, 'the desk was refused');
  card.power();
}

/** Whether the card took it. */
function* load(
  uid: Uint8Array,
  holder: AesKeyringHolder,
  amountMinor: number,
): DesfireDialogue<boolean> {
  const gate = makePurseGate((key) => holder.prepare(key));
  const purse = yield* openPurse(gate, profile, 'load', uid);
  if ('fault' in purse) return false;
  if ((yield* prepareCredit(purse, amountMinor, false, purse.newest)) !== null) return false;
  const said = yield* commit(purse);
  return said === 'noProof' || !('fault' in said);
}

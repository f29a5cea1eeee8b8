/**
 * The replay attack: a card without keys that answers INITIALIZE and DEBIT with what was recorded
 * from an earlier transaction. No money moves, so a gate must find the MAC2 of another session.
 */
import { readU32, writeU16, writeU32 } from '../../../engine/bytes.ts';
import {
  purchaseMac2,
  purchaseSessionKey,
  purchaseTac,
  type Terms,
  tacKey,
} from './card-crypto.ts';
import { type CardState, spendableMinor } from './card-state.ts';
import { answer, type Outcome, type Transaction } from './command.ts';

/** A transaction nobody makes twice: an odd terminal at the end of its sequence. */
const staged: Terms & { readonly terminalSequence: Uint8Array } = {
  amountMinor: 100,
  transactionType: 9,
  terminalId: Uint8Array.of(0x99, 0x99, 0x99, 0x99, 0x99, 0x99),
  dateTime: Uint8Array.of(0x20, 0x20, 0x01, 0x01, 0x12, 0x00, 0x00),
  terminalSequence: Uint8Array.of(0xff, 0xff, 0xff, 0xfe),
};

export interface Recording {
  /** Answer to INITIALIZE, 15 bytes. */
  readonly initialized: Uint8Array;
  /** Answer to DEBIT: TAC ‖ MAC2. */
  readonly debited: Uint8Array;
}

/** The card's last purchase if it made one, else one that it stages with its own keys. */
export function recordingOf(state: CardState): Recording {
  const { proof } = state;
  if (proof && (proof.transactionType === 6 || proof.transactionType === 9)) {
    return {
      initialized: proof.initialized,
      debited: Buffer.concat([proof.tac, proof.mac2]),
    };
  }
  const random = Uint8Array.of(0x11, 0x22, 0x33, 0x44);
  const initialized = new Uint8Array(15);
  writeU32(initialized, 0, spendableMinor(state));
  writeU16(initialized, 4, state.offlineCounter);
  initialized[9] = state.purchaseKey.version;
  initialized.set(random, 11);
  const sessionKey = purchaseSessionKey(
    state.purchaseKey.key,
    random,
    state.offlineCounter,
    staged.terminalSequence,
  );
  const tac = purchaseTac(tacKey(state.tacKey.key), staged, staged.terminalSequence);
  const mac2 = purchaseMac2(sessionKey, staged.amountMinor);
  return { initialized, debited: Buffer.concat([tac, mac2]) };
}

/** INITIALIZE FOR (CAPP) PURCHASE, whatever it asks for. */
export function replayInitialize(recording: Recording, data: Uint8Array): Outcome {
  const transaction: Transaction = {
    kind: 'purchase',
    transactionType: 9,
    amountMinor: data.length >= 5 ? readU32(data, 1) : 0,
    terminalId: data.slice(5, 11),
    random: recording.initialized.slice(11),
    initialized: recording.initialized,
    cache: null,
  };
  return { response: answer(recording.initialized), transaction };
}

export function replayDebit(recording: Recording): Outcome {
  return { response: answer(recording.debited) };
}

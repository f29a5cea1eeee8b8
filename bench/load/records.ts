/** Debit records with valid TACs, made without faregate's cryptography. */
import { createCipheriv } from 'node:crypto';
import { Keyring } from '../../engine/crypto/keyring.ts';
import {
  type Debit,
  DebitKind,
  DebitState,
  Evidence,
  NOTHING_IN_FORCE,
  TapKind,
} from '../../engine/debit/record.ts';

const MASTER: Uint8Array = new Uint8Array(16).map((_, i) => 17 * i);
const ZERO_IV = Buffer.alloc(8);
const NOW_MS = Date.UTC(2026, 2, 2, 1, 0);

export function keyringOfRecords(): Keyring {
  return new Keyring([{ use: 'tac', index: 1, version: 1, algorithm: '3des', master: MASTER }]);
}

/** Debit `i` of a gate, each of another card. */
export function makeDebit(gateId: string, i: number, balanceBeforeMinor: number): Debit {
  const cardNumber = Buffer.from(`031051700101${String(i).padStart(8, '0')}`, 'hex');
  const debit = {
    kind: DebitKind.debit,
    state: DebitState.confirmed,
    evidence: Evidence.debitAnswer,
    tapKind: TapKind.exit,
    gateId,
    gateSequence: i + 1,
    instantMs: NOW_MS + i * 1000,
    dateTime: Buffer.from('20260302090000', 'hex'),
    terminalId: Buffer.from('040900010001', 'hex'),
    terminalSequence: 1000 + i,
    issuer: Buffer.from('0310517001010000', 'hex'),
    cardNumber,
    factors: Buffer.concat([cardNumber.subarray(2), Buffer.alloc(8)]),
    factorLevels: 1,
    keyIndex: 1,
    keyVersion: 1,
    algorithm: 0,
    transactionType: 9,
    offlineCounter: 0,
    balanceBeforeMinor,
    amountMinor: 200 + (i % 700),
    currency: 156,
    random: Buffer.from('9ac87503', 'hex'),
    fromStation: Uint8Array.of(0, 0, 1, 1),
    toStation: Uint8Array.of(0, 0, 2, 1),
    entryInstantMs: NOW_MS - 1_200_000,
    fareVersion: 1,
    rider: 0,
    tapMs: 140,
    hostUs: 300,
    refersTo: null,
    ...NOTHING_IN_FORCE,
  };
  return { ...debit, tac: nodeTac(debit) };
}

/** Card key by the first factor, its halves XORed, DES CBC-MAC of 22 bytes: 4 bytes of it. */
export function nodeTac(debit: Omit<Debit, 'tac'>): Buffer {
  const factor = Buffer.alloc(16);
  for (let i = 0; i < 8; i++) {
    factor[i] = debit.factors[i]!;
    factor[8 + i] = ~debit.factors[i]!;
  }
  const cipher = createCipheriv('des-ede-ecb', MASTER, null).setAutoPadding(false);
  const cardKey = cipher.update(factor);
  const tacKey = Buffer.alloc(8);
  for (let i = 0; i < 8; i++) tacKey[i] = cardKey[i]! ^ cardKey[8 + i]!;
  // 22 bytes, padded with 80 and zeros to 24.
  const message = Buffer.alloc(24);
  message.writeUInt32BE(debit.amountMinor, 0);
  message[4] = debit.transactionType;
  message.set(debit.terminalId, 5);
  message.writeUInt32BE(debit.terminalSequence, 11);
  message.set(debit.dateTime, 15);
  message[22] = 0x80;
  // OpenSSL 3 has no single DES: triple DES with one key three times is the same.
  const mac = createCipheriv('des-ede3-cbc', Buffer.concat([tacKey, tacKey, tacKey]), ZERO_IV);
  return mac.setAutoPadding(false).update(message).subarray(16, 20);
}

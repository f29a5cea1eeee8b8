/**
 * Debit records with valid TACs, made without faregate's cryptography. What differs from tap to tap
 * at a gate differs here: evidence of a batch keeps only once what does not.
 */
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

/** Master key of the cards' purchase and TAC keys. */
export const RECORDS_MASTER: Uint8Array = new Uint8Array(16).map((_, i) => 17 * i);
export const RECORDS_ISSUER: Uint8Array = new Uint8Array(Buffer.from('0310517001010000', 'hex'));
const ZERO_IV = Buffer.alloc(8);
const NOW_MS = Date.UTC(2026, 2, 2, 1, 0);

export function keyringOfRecords(): Keyring {
  return new Keyring([
    { use: 'tac', index: 1, version: 1, algorithm: '3des', master: RECORDS_MASTER },
  ]);
}

/** Debit `i` of a gate, each of another card, a second after the one before. */
export function makeDebit(gateId: string, i: number, balanceBeforeMinor: number): Debit {
  const instantMs = NOW_MS + i * 1000 + (mixed(i, 0) % 1000);
  const cardNumber = Buffer.from(`031051700101${String(i).padStart(8, '0')}`, 'hex');
  const debit = {
    kind: DebitKind.debit,
    state: DebitState.confirmed,
    evidence: Evidence.debitAnswer,
    tapKind: TapKind.exit,
    gateId,
    gateSequence: i + 1,
    instantMs,
    dateTime: dateTimeOf(instantMs),
    terminalId: Buffer.from('040900010001', 'hex'),
    terminalSequence: 1000 + i,
    issuer: RECORDS_ISSUER,
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
    random: words(mixed(i, 1)),
    fromStation: Uint8Array.of(0, 0, 1 + (mixed(i, 2) % 20), 1 + (mixed(i, 3) % 30)),
    toStation: Uint8Array.of(0, 0, 2, 1),
    entryInstantMs: instantMs - 300_000 - (mixed(i, 4) % 3_000_000),
    fareVersion: 1,
    rider: mixed(i, 5) % 4,
    tapMs: 120 + (mixed(i, 6) % 120),
    hostUs: 250 + (mixed(i, 7) % 4000),
    refersTo: null,
    ...NOTHING_IN_FORCE,
  };
  return { ...debit, tac: nodeTac(debit) };
}

/** 32 bits that look random, the same for the same numbers. */
function mixed(i: number, place: number): number {
  let x = Math.imul(i + 1, 0x9e37_79b1) ^ Math.imul(place + 1, 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 15), 0x2c1b_3c6d);
  x = Math.imul(x ^ (x >>> 12), 0x297a_2d39);
  return (x ^ (x >>> 15)) >>> 0;
}

function words(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** YYYYMMDDhhmmss of China, 7 bytes. */
function dateTimeOf(instantMs: number): Uint8Array {
  const text = new Date(instantMs + 8 * 3_600_000).toISOString().replace(/[-T:]/g, '');
  return Buffer.from(text.slice(0, 14), 'hex');
}

/** Card key by the first factor, its halves XORed, DES CBC-MAC of 22 bytes: 4 bytes of it. */
export function nodeTac(debit: Omit<Debit, 'tac'>): Buffer {
  const factor = Buffer.alloc(16);
  for (let i = 0; i < 8; i++) {
    factor[i] = debit.factors[i]!;
    factor[8 + i] = ~debit.factors[i]!;
  }
  const cipher = createCipheriv('des-ede-ecb', RECORDS_MASTER, null).setAutoPadding(false);
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

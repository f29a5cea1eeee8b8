/** Debit records with TACs of node:crypto, drawn from a seed. */

import { readU32 } from '../../../engine/bytes.ts';
import type { MasterKey } from '../../../engine/crypto/keyring.ts';
import { at } from '../../../engine/debit/codec.ts';
import { DEBIT_BYTES } from '../../../engine/debit/record.ts';
import { nodeCardKey, nodePurchaseTac } from '../../reference/crypto-node.ts';

/** Numbers that look random and follow from `seed`. */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(end: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0;
    return (this.#state >>> 8) % end;
  }

  fill(bytes: Uint8Array): Uint8Array {
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.below(256);
    return bytes;
  }
}

/**
 * A record of random bytes that asks for `key`, with one or two levels, and the TAC it should have.
 */
export function drawRecord(draw: Draw, key: MasterKey, levels: number, record: Uint8Array): void {
  draw.fill(record);
  record[at.keyIndex] = key.index;
  record[at.keyVersion] = key.version;
  record[at.algorithm] = key.algorithm === '3des' ? 0 : 1 + draw.below(255);
  record[at.factorLevels] = levels;
  record.set(tacOf(record, key), at.tac);
}

/** The TAC node:crypto computes for a record under `key`. */
function tacOf(record: Uint8Array, key: MasterKey): Uint8Array {
  const factors = [0, 8]
    .slice(0, record[at.factorLevels])
    .map((from) => record.slice(at.factors + from, at.factors + from + 8));
  const cardKey = nodeCardKey(key.algorithm, key.master, factors);
  return nodePurchaseTac(key.algorithm, cardKey, {
    random: record,
    offlineCounter: 0,
    cityCode: null,
    terminalSequence: readU32(record, at.terminalSequence),
    amountMinor: readU32(record, at.amountMinor),
    transactionType: record[at.transactionType]!,
    terminalId: record.slice(at.terminalId, at.terminalId + 6),
    dateTime: record.slice(at.dateTime, at.dateTime + 7),
  });
}

/** `count` records for `key` with one level, none forged. */
export function drawRecords(draw: Draw, key: MasterKey, count: number, levels = 1): Uint8Array {
  const records = new Uint8Array(count * DEBIT_BYTES);
  for (let i = 0; i < count; i++) {
    drawRecord(draw, key, levels, records.subarray(i * DEBIT_BYTES, (i + 1) * DEBIT_BYTES));
  }
  return records;
}

/**
 * Checks the TACs of a whole batch of debit records from the master keys.
 */
import assert from 'node:assert/strict';
import { DEBIT_BYTES } from '../../debit/record.ts';
import type { Keyring } from '../keyring.ts';
import { TacVerifier, tacCodes } from '../tac.ts';

export interface TacBatch {
  /**
   * Writes the verdict (`tacCodes`) of each of `count` debit records to `verdicts[0..count)`.
   * @param records `count` times 160 bytes (`codec.ts`), from its start; any buffer, shared too
   */
  verify(records: Uint8Array, count: number, verdicts: Uint8Array): void;
}

export function createTacBatch(keyring: Keyring): TacBatch {
  const verifier = new TacVerifier(keyring);
  return {
    verify(records, count, verdicts) {
      assert(records.length >= count * DEBIT_BYTES && verdicts.length >= count);
      for (let i = 0; i < count; i++) {
        verdicts[i] = tacCodes[verifier.verify(records, i * DEBIT_BYTES)];
      }
    },
  };
}

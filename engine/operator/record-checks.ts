/**
 * What ingest does with keys, for all records of a batch together: TAC verdicts, keyed hashes of
 * card numbers, digests, sealed evidence.
 */
import { hkdfSync } from 'node:crypto';
import { BytePool } from '../byte-pool.ts';
import { AesKeyring } from '../crypto/aes-keyring.ts';
import { createTacBatch } from '../crypto/bitslice/tac-batch.ts';
import { CmacColumns } from '../crypto/cmac-columns.ts';
import { CryptogramKeyring } from '../crypto/cryptogram-keyring.ts';
import type { Keyring } from '../crypto/keyring.ts';
import { type CmacKey, cmacKey } from '../crypto/mac.ts';
import { BatchSealer } from '../debit/batch-evidence.ts';
import { at } from '../debit/codec.ts';
import { EvidenceSealer } from '../debit/evidence.ts';
import { DEBIT_BYTES, type DebitId } from '../debit/record.ts';
import { BankVerifier } from './bank-evidence.ts';
import { type DesfireScheme, DesfireVerifier } from './desfire-evidence.ts';

const CARD_NUMBER_BYTES = 10;

/** What ingest needs done with keys it does not hold. `records` are `count` times 160 bytes. */
export interface RecordChecks {
  /**
   * Writes the verdict (`tacCodes`, never 0) of each record's TAC, or of the evidence that stands
   * behind it, to `verdicts[0..count)`.
   */
  verifyTacs(records: Uint8Array, count: number, verdicts: Uint8Array): void;
  /** Writes the keyed hash of each card number, 16 bytes. */
  hashCards(records: Uint8Array, count: number, cards: Uint8Array): void;
  /** Writes a digest of each record, 16 bytes. */
  digest(records: Uint8Array, count: number, digests: Uint8Array): void;
  /** Seals one record under the operator's storage key. */
  seal(record: Uint8Array, id: DebitId): Uint8Array;
  /** Seals all records of a batch as one blob. */
  sealBatch(records: Uint8Array, first: DebitId): Uint8Array;
  /** Takes back what `sealBatch` returned, once the ledger has it. */
  giveBack(sealed: Uint8Array): void;
}

export interface CheckKeys {
  readonly keyring: Keyring;
  /** Where gates take AES closed-loop cards; absent: nothing verifies their debits. */
  readonly desfire?: DesfireScheme;
  /** Absent: what bank cards signed is passed through to their banks. */
  readonly cryptograms?: CryptogramKeyring;
  /** Key of the keyed hash of card numbers. */
  readonly cardHash: CmacKey;
  /** 32 bytes, the same at every start: digests are compared with those of years ago. */
  readonly storageKey: Uint8Array;
  /** 16 random bytes, fresh for every process. */
  readonly salt: Uint8Array;
}

/**
 * The checks as an engine makes them, its TAC cipher warmed up.
 *
 * A digest tells a repeat from another record under the same identity. It is the record's CMAC
 * under a key derived from the storage key: a gate that does not know the key finds two records of
 * one digest no sooner than by chance, 2^-128 a pair, and who reads the ledger cannot try card
 * numbers against it, as with a plain SHA-256, which costs ten times as much besides.
 */
export function createRecordChecks(keys: CheckKeys): RecordChecks {
  const tacs = createTacBatch(keys.keyring);
  tacs.warm();
  const desfire = new DesfireVerifier(
    keys.desfire ?? { keyring: new AesKeyring([]), profiles: [] },
  );
  const bank = new BankVerifier(keys.cryptograms ?? new CryptogramKeyring([]));
  const cards = new CmacColumns(keys.cardHash);
  const digests = new CmacColumns(digestKey(keys.storageKey));
  const evidence = new EvidenceSealer(keys.storageKey, keys.salt);
  const pool = new BytePool();
  const batches = new BatchSealer(keys.storageKey, keys.salt, pool);
  return {
    verifyTacs(records, count, verdicts) {
      tacs.verify(records, count, verdicts);
      desfire.verify(records, count, verdicts);
      bank.verify(records, count, verdicts);
    },
    hashCards: (records, count, out) =>
      cards.ofFields(records, DEBIT_BYTES, at.cardNumber, CARD_NUMBER_BYTES, count, out),
    digest: (records, count, out) => digests.ofRecords(records, DEBIT_BYTES, count, out),
    seal: (record, id) => evidence.seal(record, id),
    sealBatch: (records, first) => batches.seal(records, first),
    giveBack: (sealed) => pool.give(sealed),
  };
}

function digestKey(storageKey: Uint8Array): CmacKey {
  const none = new Uint8Array(0);
  return cmacKey(new Uint8Array(hkdfSync('sha256', storageKey, none, 'faregate digest', 16)));
}

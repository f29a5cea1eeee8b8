/**
 * Evidence of a whole batch: the uploaded records of one gate, packed (`packed-records.ts`) and
 * sealed as one blob under the operator's storage key, because one call for all costs a hundredth
 * of a call for each. What may be disputed has evidence of its own besides (`evidence.ts`).
 *
 * AES-256-GCM (NIST SP 800-38D). Its nonce has but 12 bytes, too few to be drawn by chance, so that
 * every process has a key of its own: HKDF-SHA-256 (RFC 5869) of the storage key with 16 random
 * bytes as salt. Under that key the nonce is a count. Layout: salt 16 ‖ count 8 ‖ ciphertext ‖ tag
 * 16.
 */
import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import type { BytePool } from '../byte-pool.ts';
import { writeU32, writeU48 } from '../bytes.ts';
import { RecordPacker, unpackRecords } from './packed-records.ts';
import type { DebitId } from './record.ts';
import { GATE_ID_BYTES, gateIdBytes } from './seal.ts';

const SALT_BYTES = 16;
const COUNT_BYTES = 8;
const HEAD_BYTES = SALT_BYTES + COUNT_BYTES;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ALGORITHM = 'aes-256-gcm';

export class BatchSealer {
  readonly #key: Uint8Array;
  readonly #salt: Uint8Array;
  readonly #pool: BytePool;
  readonly #packer = new RecordPacker();
  #high = 0;
  #low = 0;

  /**
   * @param storageKey 32 bytes.
   * @param salt 16 random bytes, fresh for every process.
   * @param pool where the bytes that `seal` returns come from.
   */
  constructor(storageKey: Uint8Array, salt: Uint8Array, pool: BytePool) {
    assert(salt.length === SALT_BYTES);
    this.#key = processKey(storageKey, salt);
    this.#salt = salt;
    this.#pool = pool;
  }

  /**
   * @param records whole records of consecutive sequences, at most BATCH_RECORDS_MAX
   * @param first the first one's identity
   * @returns 40 bytes more than the records packed.
   */
  seal(records: Uint8Array, first: DebitId): Uint8Array {
    const packed = this.#packer.pack(records);
    this.#low = (this.#low + 1) >>> 0;
    if (this.#low === 0) this.#high += 1;
    const out = this.#pool.take(HEAD_BYTES + packed.length + TAG_BYTES);
    out.set(this.#salt);
    writeU32(out, SALT_BYTES, this.#high);
    writeU32(out, SALT_BYTES + 4, this.#low);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonceOf(out));
    cipher.setAAD(identity(first));
    out.set(cipher.update(packed), HEAD_BYTES);
    cipher.final();
    out.set(cipher.getAuthTag(), HEAD_BYTES + packed.length);
    return out;
  }
}

/**
 * The records, or null where blob, key and identity of the first record do not belong together.
 */
export function openBatch(
  storageKey: Uint8Array,
  sealed: Uint8Array,
  first: DebitId,
): Uint8Array | null {
  const length = sealed.length - HEAD_BYTES - TAG_BYTES;
  if (length < 0) return null;
  const key = processKey(storageKey, sealed.subarray(0, SALT_BYTES));
  const cipher = createDecipheriv(ALGORITHM, key, nonceOf(sealed));
  cipher.setAAD(identity(first));
  cipher.setAuthTag(sealed.subarray(HEAD_BYTES + length));
  const packed = cipher.update(sealed.subarray(HEAD_BYTES, HEAD_BYTES + length));
  try {
    cipher.final();
  } catch {
    return null;
  }
  return unpackRecords(new Uint8Array(packed));
}

function processKey(storageKey: Uint8Array, salt: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', storageKey, salt, 'faregate batch evidence', 32));
}

function nonceOf(sealed: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  nonce.set(sealed.subarray(SALT_BYTES, HEAD_BYTES), NONCE_BYTES - COUNT_BYTES);
  return nonce;
}

/** So that a batch cannot be passed off as another gate's or another day's. */
function identity(first: DebitId): Uint8Array {
  const bytes = new Uint8Array(GATE_ID_BYTES + 6);
  bytes.set(gateIdBytes(first.gateId));
  writeU48(bytes, GATE_ID_BYTES, first.gateSequence);
  return bytes;
}

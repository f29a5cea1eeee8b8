/**
 * Evidence: a whole debit record sealed under the operator's storage key, kept beside ledger
 * entries that may be disputed. The record holds the card number in clear, the ledger must not (PCI
 * DSS 3.5.1). Layout: prefix 16 ‖ number 8 ‖ ciphertext and tag 176.
 */
import assert from 'node:assert/strict';
import { readU32, writeU32, writeU48 } from '../bytes.ts';
import { AEAD_PREFIX_BYTES, AEAD_TAG_BYTES, type Aead, createAead } from '../crypto/aead.ts';
import { DEBIT_BYTES, type DebitId } from './record.ts';
import { GATE_ID_BYTES, gateIdBytes } from './seal.ts';

const HEAD_BYTES = AEAD_PREFIX_BYTES + 8;
export const EVIDENCE_BYTES: number = HEAD_BYTES + DEBIT_BYTES + AEAD_TAG_BYTES;

/** Bound to the debit's identity, so that evidence cannot be moved to another debit. */
function identity(id: DebitId): Uint8Array {
  const bytes = new Uint8Array(GATE_ID_BYTES + 6);
  bytes.set(gateIdBytes(id.gateId));
  writeU48(bytes, GATE_ID_BYTES, id.gateSequence);
  return bytes;
}

export class EvidenceSealer {
  readonly #aead: Aead;
  readonly #prefix: Uint8Array;
  #high = 0;
  #low = 0;

  /** @param prefix 16 random bytes, fresh for every process. */
  constructor(key: Uint8Array, prefix: Uint8Array) {
    this.#aead = createAead(key, prefix, DEBIT_BYTES);
    this.#prefix = prefix;
  }

  /** @param record 160 bytes. Answers 200 bytes. */
  seal(record: Uint8Array, id: DebitId): Uint8Array {
    assert.equal(record.length, DEBIT_BYTES);
    this.#low = (this.#low + 1) >>> 0;
    if (this.#low === 0) this.#high += 1;
    const out = new Uint8Array(EVIDENCE_BYTES);
    out.set(this.#prefix);
    writeU32(out, AEAD_PREFIX_BYTES, this.#high);
    writeU32(out, AEAD_PREFIX_BYTES + 4, this.#low);
    this.#aead.seal(this.#high, this.#low, identity(id), record, out, HEAD_BYTES);
    return out;
  }
}

/** The record, or null where evidence, key and identity do not belong together. */
export function openEvidence(
  key: Uint8Array,
  evidence: Uint8Array,
  id: DebitId,
): Uint8Array | null {
  if (evidence.length !== EVIDENCE_BYTES) return null;
  const aead = createAead(key, evidence.slice(0, AEAD_PREFIX_BYTES), DEBIT_BYTES);
  return aead.open(
    readU32(evidence, AEAD_PREFIX_BYTES),
    readU32(evidence, AEAD_PREFIX_BYTES + 4),
    identity(id),
    evidence.subarray(HEAD_BYTES),
  );
}

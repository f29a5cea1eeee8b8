/**
 * Sealing of what a gate keeps on its disk: XChaCha20-Poly1305 under the gate's key. The nonce is
 * the salt of the opening (16 random bytes drawn each time a journal is opened) and the place of
 * the record (segment and offset). A place is written at most once in one opening, so no nonce
 * repeats, even after a crash that lost the write; and a record moved to another place does not
 * open. The associated data is the gate's id and the record's head in clear, so that a record
 * cannot be given another kind, sequence or gate either.
 */
import assert from 'node:assert/strict';
import { AEAD_KEY_BYTES, AEAD_PREFIX_BYTES, AEAD_TAG_BYTES, createAead } from '../crypto/aead.ts';
import { DEBIT_BYTES, GATE_ID_PATTERN } from './record.ts';

export const SEAL_KEY_BYTES = AEAD_KEY_BYTES;
export const SEAL_SALT_BYTES = AEAD_PREFIX_BYTES;
/** What sealing adds to a payload. */
export const SEAL_TAG_BYTES = AEAD_TAG_BYTES;

/** A gate id as it stands in records and heads, NUL-padded. */
export const GATE_ID_BYTES = 12;

export interface Sealer {
  /** Writes the sealed payload, 16 bytes longer than `payload` (at most 160), at `out[at]`. */
  seal(
    segment: number,
    offset: number,
    head: Uint8Array,
    payload: Uint8Array,
    out: Uint8Array,
    at: number,
  ): void;
  /** The payload, or null where it was not sealed so, here, with this head, under this key. */
  open(segment: number, offset: number, head: Uint8Array, sealed: Uint8Array): Uint8Array | null;
}

/**
 * @param key 32 bytes, the gate's.
 * @param salt 16 random bytes, fresh for every opening that writes.
 */
export function createSealer(key: Uint8Array, gateId: string, salt: Uint8Array): Sealer {
  const aead = createAead(key, salt, DEBIT_BYTES);
  const gate = gateIdBytes(gateId);
  let associated = gate;

  /** Kept from one record to the next: heads of one length follow each other. */
  function associatedWith(head: Uint8Array): Uint8Array {
    if (associated.length !== GATE_ID_BYTES + head.length) {
      associated = new Uint8Array(GATE_ID_BYTES + head.length);
      associated.set(gate);
    }
    associated.set(head, GATE_ID_BYTES);
    return associated;
  }

  return {
    seal(segment, offset, head, payload, out, at) {
      aead.seal(segment, offset, associatedWith(head), payload, out, at);
    },
    open(segment, offset, head, sealed) {
      return aead.open(segment, offset, associatedWith(head), sealed);
    },
  };
}

/** A gate id as 12 bytes, NUL-padded. */
export function gateIdBytes(gateId: string): Uint8Array {
  assert(GATE_ID_PATTERN.test(gateId), `not a gate id: ${gateId}`);
  const bytes = new Uint8Array(GATE_ID_BYTES);
  for (let i = 0; i < gateId.length; i++) bytes[i] = gateId.charCodeAt(i);
  return bytes;
}

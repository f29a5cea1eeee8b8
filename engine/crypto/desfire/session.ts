/**
 * What both generations of DESFire secure messaging share: modes, the reasons for which an answer
 * is refused, and the MACs already seen in a session, by which a replayed answer is told from a
 * forged one.
 */
import { copyBytes, equalRange } from '../../bytes.ts';

/** How a command or an answer is protected: not at all, by a MAC, or encrypted and by a MAC. */
export type CommMode = 'plain' | 'mac' | 'full';

/** Why an answer is refused. */
export type Refusal =
  /** Shorter than the command's answer, or no room for a MAC, or no whole blocks. */
  | 'truncated'
  /** Longer than the command's answer. */
  | 'overlong'
  /** Its MAC is that of an earlier answer of this session. */
  | 'replayed'
  /** Its MAC is wrong. */
  | 'macInvalid'
  /** The MAC is right and the padding under it is not. */
  | 'paddingInvalid';

/** Bytes of a MAC on the wire. */
export const MAC_BYTES = 8;

/** A session as a key holder keeps it. */
export interface SecureSession {
  /**
   * Protects a command in place: `bytes[at..)` holds its header and data, with room for padding and
   * a MAC behind them (24 bytes).
   * @returns how many bytes header, data and MAC now are.
   */
  protect(
    ins: number,
    bytes: Uint8Array,
    at: number,
    headerLength: number,
    dataLength: number,
    mode: CommMode,
  ): number;
  /**
   * Checks an answer (data ‖ MAC ‖ status word 9100) and gives its plain data, a copy.
   * @param expected bytes of plain data, or -1 where the command's answer has no one length.
   */
  unprotect(response: Uint8Array, mode: CommMode, expected: number): Uint8Array | Refusal;
}

/** Answers whose MACs are remembered; a tap has some ten. */
const SEEN_MAX = 32;

export class SeenMacs {
  readonly #macs = new Uint8Array(SEEN_MAX * MAC_BYTES);
  #count = 0;

  clear(): void {
    this.#count = 0;
  }

  add(mac: Uint8Array, at: number): void {
    copyBytes(mac, at, this.#macs, (this.#count % SEEN_MAX) * MAC_BYTES, MAC_BYTES);
    this.#count += 1;
  }

  has(mac: Uint8Array, at: number): boolean {
    const kept = Math.min(this.#count, SEEN_MAX);
    for (let i = 0; i < kept; i++) {
      if (equalRange(this.#macs, i * MAC_BYTES, mac, at, MAC_BYTES)) return true;
    }
    return false;
  }
}

/** What the length of an answer says: null where it fits. */
export function lengthRefusal(length: number, wanted: number): Refusal | null {
  if (length === wanted) return null;
  return length < wanted ? 'truncated' : 'overlong';
}

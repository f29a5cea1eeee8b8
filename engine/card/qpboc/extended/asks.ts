/**
 * What a dialogue of the extended application asks beyond commands: MACs under the key of a card's
 * record, of whoever holds the keys.
 */
import type { Answer, Ask } from '../../dialogue.ts';

/** What the key holder needs to find the key of a card's record. Triple DES. */
export interface RecordKeyRef {
  /** Of the master key, 0 to 255 each. */
  readonly index: number;
  readonly version: number;
  /** 8 bytes: the card's number, by which its key is diversified [U]. */
  readonly factor: Uint8Array;
}

/**
 * Compute the MAC of a record. Answered with its left 4 bytes, valid until the next ask, or
 * `unknownKey`.
 */
export interface RecordMacAsk {
  readonly ask: 'recordMac';
  readonly key: RecordKeyRef;
  /** 8 bytes. */
  readonly iv: Uint8Array;
  /** At least 8 bytes. */
  readonly bytes: Uint8Array;
}

export type RecordMacAnswer = Uint8Array | 'unknownKey';

/** A dialogue that ends in `R`. */
export type ExtendedDialogue<R> = Generator<Ask | RecordMacAsk, R, Answer>;

export function* askRecordMac(
  key: RecordKeyRef,
  iv: Uint8Array,
  bytes: Uint8Array,
): Generator<RecordMacAsk, RecordMacAnswer, Answer> {
  return (yield { ask: 'recordMac', key, iv, bytes }) as RecordMacAnswer;
}

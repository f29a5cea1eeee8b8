/**
 * The key holder port: who has the purchase keys and computes with them. In process
 * (`keyring-holder.ts`), or a PSAM in a reader slot, which answers later; hence the promises.
 */
import type { CardKeyRef, Mac1Answer, Mac1Ask } from '../../engine/card/dialogue.ts';
import type { RecordMacAnswer, RecordMacAsk } from '../../engine/card/qpboc/extended/asks.ts';

export interface KeyHolder {
  /**
   * Makes the card's purchase key ready ahead, while a command is on the air. A hint: it may do
   * nothing, and `mac1` works without it. An unknown key is said by `mac1`.
   */
  prepare(key: CardKeyRef): void;
  /**
   * MAC1 of a purchase; keeps the session for `mac2`. One tap at a time: the bytes of the answer
   * stay as they are until the next `mac1`.
   */
  mac1(ask: Mac1Ask): Mac1Answer | Promise<Mac1Answer>;
  /** Whether these 4 bytes are MAC2 of the purchase whose MAC1 was answered last. */
  mac2(mac2: Uint8Array): boolean | Promise<boolean>;
  /**
   * MAC over a record of e-cash's extended application: 4 bytes that stay as they are until the
   * next, or `unknownKey`, as of a holder that has no such keys at all.
   */
  recordMac(ask: RecordMacAsk): RecordMacAnswer | Promise<RecordMacAnswer>;
}

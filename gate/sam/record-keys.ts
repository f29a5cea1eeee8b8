/**
 * Who holds the keys of records of e-cash's extended application: the port, and the holder in
 * process. A card's key is derived when it is asked for, which is nothing beside the cryptogram
 * that the card makes.
 */
import type { RecordMacAnswer, RecordMacAsk } from '../../engine/card/qpboc/extended/asks.ts';
import type { Keyring } from '../../engine/crypto/keyring.ts';
import { recordKeySchedule, recordMac } from '../../engine/crypto/record-mac.ts';

export interface RecordKeyHolder {
  /** The MAC, 4 bytes that stay as they are until the next ask, or `unknownKey`. */
  answer(ask: RecordMacAsk): RecordMacAnswer | Promise<RecordMacAnswer>;
}

/** Algorithm byte of triple DES. */
const TRIPLE_DES = 0;

export class RecordKeyringHolder implements RecordKeyHolder {
  #keyring: Keyring;
  readonly #mac = new Uint8Array(4);

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  /** Another ring, from the next ask on. */
  replace(keyring: Keyring): void {
    this.#keyring = keyring;
  }

  /** As the port says, at once. */
  answer({ key, iv, bytes }: RecordMacAsk): RecordMacAnswer {
    const master = this.#keyring.find('capp', key.index, key.version, TRIPLE_DES);
    if (!master) return 'unknownKey';
    const schedule = recordKeySchedule(master, key.factor);
    recordMac(schedule, iv, bytes, this.#mac);
    schedule.fill(0);
    return this.#mac;
  }
}

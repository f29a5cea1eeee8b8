/**
 * How a gate finds cards with a PN532, however its commands travel: it looks again and again, and
 * takes a card only when it is the only one. Several at once are refused until the field has been
 * empty, because which of them would answer is chance.
 */
import assert from 'node:assert/strict';
import { equalBytes } from '../../engine/bytes.ts';
import { READER_POLL_MS } from '../../engine/durations.ts';
import { READER_EMPTY_LOOKS } from '../../engine/limits.ts';
import type { CardFinder, FoundCard } from './link-reader.ts';
import type { Pn532, Target } from './pn532.ts';
import type { NoticeTaker } from './reader.ts';

/** A UID that begins so is made anew at each activation (ISO 14443-3, 6.5.4). */
const RANDOM_UID = 0x08;
const RANDOM_UID_BYTES = 4;

export class Pn532Finder implements CardFinder<Pn532> {
  readonly #onNotice: NoticeTaker;
  /** What has to leave the field first: nothing, the card of that UID, or whatever is there. */
  #awaited: null | Uint8Array | 'all' = null;
  #emptyLooks = 0;

  constructor(onNotice: NoticeTaker) {
    this.#onNotice = onNotice;
  }

  async look(chip: Pn532, pause: (ms: number) => Promise<void>): Promise<FoundCard | null> {
    const targets = await chip.targets();
    const target = this.#judge(targets);
    if (target) return this.#take(chip, target);
    // Cards that are not taken lose their activation, so that the next look finds them again.
    if (targets.length > 0) await chip.renewField();
    await pause(READER_POLL_MS);
    return null;
  }

  /** A card is known by its UID, so what is awaited holds when the reader is back. */
  forget(): void {
    this.#emptyLooks = 0;
  }

  end(chip: Pn532): Promise<void> {
    return chip.fieldOff();
  }

  #judge(targets: readonly Target[]): Target | null {
    if (targets.length === 0) {
      this.#emptyLooks += 1;
      if (this.#emptyLooks >= READER_EMPTY_LOOKS) this.#awaited = null;
      return null;
    }
    this.#emptyLooks = 0;
    if (this.#awaited === 'all') return null;
    const [target, another] = targets;
    assert(target);
    if (another) return this.#refuse('severalCards');
    if (this.#awaited && equalBytes(this.#awaited, target.uid)) return null;
    return target.speaksApdu ? target : this.#refuse('unreadable');
  }

  #refuse(notice: 'severalCards' | 'unreadable'): null {
    this.#awaited = 'all';
    this.#onNotice({ notice });
    return null;
  }

  #take(chip: Pn532, { number, uid }: Target): FoundCard {
    this.#awaited = null;
    return {
      uid,
      exchange: (apdu) => chip.exchange(number, apdu),
      done: (released) => {
        // One that left in the middle and answers again is a new tap.
        if (released) this.#awaited = isRandom(uid) ? 'all' : uid;
        return chip.renewField();
      },
    };
  }
}

function isRandom(uid: Uint8Array): boolean {
  return uid.length === 0 || (uid.length === RANDOM_UID_BYTES && uid[0] === RANDOM_UID);
}

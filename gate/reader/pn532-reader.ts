/**
 * A reader over a PN532, however its commands travel. Looks for cards again and again, and takes a
 * card only when it is the only one: several at once are refused until the field has been empty,
 * because which of them would answer is chance.
 */
import assert from 'node:assert/strict';
import { equalBytes } from '../../engine/bytes.ts';
import { READER_EMPTY_LOOKS, READER_POLL_MS } from '../../engine/limits.ts';
import { Connection, type ReaderOptions } from './connection.ts';
import { Pn532, type Target } from './pn532.ts';
import type { Pn532Channel } from './pn532-channel.ts';
import type { CardSession, NoticeTaker, Reader } from './reader.ts';

/** A UID that begins so is made anew at each activation (ISO 14443-3, 6.5.4). */
const RANDOM_UID = 0x08;
const RANDOM_UID_BYTES = 4;

/** What has to leave the field before a card is taken: nothing, one card, or whatever is there. */
type Awaited = null | Uint8Array | 'all';

export class Pn532Reader implements Reader {
  readonly name: string;
  readonly #chips: Connection<Pn532>;
  readonly #onNotice: NoticeTaker;
  #awaited: Awaited = null;
  #emptyLooks = 0;
  #session: ChipSession | null = null;

  /**
   * @param openChannel opens the way to the chip; called again when the reader was lost
   * @throws FaregateError READER_FAILED where there is no such reader now.
   */
  static async open(
    name: string,
    openChannel: () => Promise<Pn532Channel>,
    options: ReaderOptions = {},
  ): Promise<Pn532Reader> {
    const open = async () => Pn532.start(name, await openChannel(), options.answerMs);
    const reader = new Pn532Reader(name, new Connection(open, options), options);
    await reader.#chips.start();
    return reader;
  }

  private constructor(name: string, chips: Connection<Pn532>, options: ReaderOptions) {
    this.name = name;
    this.#chips = chips;
    this.#onNotice = options.onNotice ?? (() => {});
  }

  async *cards(): AsyncGenerator<CardSession, void, undefined> {
    for (;;) {
      const chip = await this.#chips.get();
      if (!chip) return;
      const session = await this.#look(chip);
      if (!session || this.#chips.closed) continue;
      this.#session = session;
      try {
        yield session;
      } finally {
        await session.release();
        this.#session = null;
      }
    }
  }

  async close(): Promise<void> {
    const chip = this.#chips.close();
    this.#session?.leave();
    if (!chip) return;
    try {
      await chip.fieldOff();
    } catch (error) {
      this.#chips.lost(chip, error);
    }
    chip.close();
  }

  /** One look into the field; a session where a card is to be taken. */
  async #look(chip: Pn532): Promise<ChipSession | null> {
    try {
      const targets = await chip.targets();
      const taken = this.#judge(targets);
      if (taken) return this.#begin(chip, taken);
      // Cards that are not taken lose their activation, so that the next look finds them again.
      if (targets.length > 0) await chip.renewField();
      await this.#chips.pause(READER_POLL_MS);
    } catch (error) {
      this.#chips.lost(chip, error);
    }
    return null;
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

  #begin(chip: Pn532, target: Target): ChipSession {
    // A card that left in the middle and answers again is a new tap; a released one must go first.
    this.#awaited = null;
    return new ChipSession(chip, target, async (end) => {
      if (end === 'released') this.#awaited = awaitedAfter(target.uid);
      try {
        if (typeof end === 'object') throw end.failure;
        await chip.renewField();
      } catch (error) {
        this.#chips.lost(chip, error);
      }
    });
  }
}

function awaitedAfter(uid: Uint8Array): Awaited {
  const random = uid.length === RANDOM_UID_BYTES && uid[0] === RANDOM_UID;
  return random || uid.length === 0 ? 'all' : uid;
}

/** How a session ended: the gate was done, no answer came, or the reader failed. */
type SessionEnd = 'released' | 'gone' | { readonly failure: unknown };

class ChipSession implements CardSession {
  readonly uid: Uint8Array;
  readonly modelledUs: number = 0;
  readonly #chip: Pn532;
  readonly #target: number;
  readonly #onRelease: (end: SessionEnd) => Promise<void>;
  #end: SessionEnd | null = null;
  #released = false;

  constructor(chip: Pn532, target: Target, onRelease: (end: SessionEnd) => Promise<void>) {
    this.#chip = chip;
    this.#target = target.number;
    this.uid = target.uid;
    this.#onRelease = onRelease;
  }

  async transceive(apdu: Uint8Array): Promise<Uint8Array | null> {
    if (this.#end) return null;
    try {
      const answer = await this.#chip.exchange(this.#target, apdu);
      if (answer && !this.#end) return answer;
      this.#end ??= 'gone';
    } catch (failure) {
      this.#end ??= { failure };
    }
    return null;
  }

  async release(): Promise<void> {
    if (this.#released) return;
    this.#released = true;
    this.#end ??= 'released';
    await this.#onRelease(this.#end);
  }

  /** The reader is being closed, and sees to the field itself. */
  leave(): void {
    this.#released = true;
    this.#end ??= 'released';
  }
}

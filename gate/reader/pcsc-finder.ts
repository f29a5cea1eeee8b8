/**
 * How a gate finds cards in a reader of PC/SC. The reader itself keeps several cards apart, and
 * pcscd tells when one comes or goes.
 */
import { PCSC_LOOK_MS, PCSC_WAIT_MS, READER_POLL_MS } from '../../engine/durations.ts';
import type { CardFinder, FoundCard } from './link-reader.ts';
import type { PcscService } from './pcsc-service.ts';
import type { PcscCard, PcscReaderState } from './pcsc-wire.ts';
import type { NoticeTaker } from './reader.ts';

const noUid = new Uint8Array(0);

export class PcscFinder implements CardFinder<PcscService> {
  readonly #onNotice: NoticeTaker;
  /**
   * The reader's event counter while a card is in it that is not to be taken (again); `unknown`
   * where it is still to be asked for.
   */
  #stays: null | number | 'unknown' = null;
  /** The counter in the last session: while it stands, pcscd has not noticed its end. */
  #last: number | null = null;

  constructor(onNotice: NoticeTaker) {
    this.#onNotice = onNotice;
  }

  async look(
    service: PcscService,
    pause: (ms: number) => Promise<void>,
  ): Promise<FoundCard | null> {
    const state = await service.state();
    if (!state.present) return this.#absent(service, state, pause);
    if (this.#stays === 'unknown') this.#stays = state.events;
    if (this.#stays !== state.events) {
      const card = await service.connect();
      if (typeof card === 'object') return this.#take(service, card, state.events, pause);
      if (card === 'unreadable') {
        this.#stays = state.events;
        this.#onNotice({ notice: 'unreadable' });
      }
    }
    await service.change(state, PCSC_WAIT_MS);
    return null;
  }

  async #absent(
    service: PcscService,
    state: PcscReaderState,
    pause: (ms: number) => Promise<void>,
  ): Promise<FoundCard | null> {
    this.#stays = null;
    const unnoticed = this.#last === state.events;
    const changed = await service.change(state, unnoticed ? PCSC_LOOK_MS : PCSC_WAIT_MS);
    const card = unnoticed && !changed ? await service.revive() : null;
    return card && this.#take(service, card, state.events, pause, true);
  }

  forget(): void {
    if (this.#stays !== null) this.#stays = 'unknown';
    this.#last = null;
  }

  /** A session's end took the card's power; the service sees to the rest. */
  async end(): Promise<void> {}

  #take(
    service: PcscService,
    card: PcscCard,
    events: number,
    pause: (ms: number) => Promise<void>,
    revived = false,
  ): FoundCard {
    this.#stays = null;
    this.#last = events;
    return {
      uid: noUid,
      exchange: (apdu) => service.transmit(card, apdu),
      done: async (released) => {
        if (released) this.#stays = revived ? 'unknown' : events;
        await service.disconnect(card);
        // pcscd may still count that a revived card has come; one that left in the middle and is
        // there again is a new tap.
        await pause(revived ? PCSC_LOOK_MS : released ? 0 : READER_POLL_MS);
      },
    };
  }
}

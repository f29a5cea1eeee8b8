/**
 * The riders' cards of the simulation and the truth about them: every debit a card ever committed,
 * by its offline counter. Neither gate nor engine can look here.
 */
import type { Chance } from '../../gate/demo/chance.ts';
import { VirtualCard, type VirtualCardOptions } from '../../gate/reader/virtual/card.ts';
import {
  type CardState,
  issueCard,
  type MasterKeys,
} from '../../gate/reader/virtual/card-state.ts';
import type { VirtualTime } from './virtual-time.ts';

/** One debit as the card made it. */
export interface Committed {
  readonly offlineCounter: number;
  readonly amountMinor: number;
  readonly atUs: number;
}

const TOP_UP_MINOR = 5000;

export class SimCard {
  readonly index: number;
  readonly committed: Committed[] = [];
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  /** Called before each command. */
  onCommand: () => void = () => {};
  #card: VirtualCard;

  constructor(index: number, time: VirtualTime, chance: Chance, masters: MasterKeys) {
    this.index = index;
    this.#time = time;
    this.#chance = chance;
    const union = index % 4 === 3;
    const cardNumber = new Uint8Array(10);
    cardNumber.set(union ? [0x00, 0x01, 0x71, 0x00] : [0x03, 0x10, 0x51, 0x70]);
    cardNumber[9] = (Math.floor(index / 10) << 4) | (index % 10);
    const state = issueCard(union ? 'city-union' : 'tunion', masters, {
      cardNumber,
      balanceMinor: chance.happens(0.1) ? chance.below(400) : 2000 + chance.below(8000),
      offlineCounter: chance.below(200),
    });
    this.#card = this.#with(state);
  }

  get virtual(): VirtualCard {
    return this.#card;
  }

  get state(): CardState {
    return this.#card.state;
  }

  /** Money put on it at a machine: no offline counter moves. */
  topUp(): void {
    const { state } = this;
    this.#card = this.#with({
      ...state,
      balanceMinor: state.balanceMinor + TOP_UP_MINOR,
      loadedMinor: state.loadedMinor + TOP_UP_MINOR,
    });
  }

  #with(state: CardState): VirtualCard {
    let held = state;
    return new WatchedCard(() => this.onCommand(), {
      state,
      randomBytes: (length) => this.#chance.bytes(length),
      commit: (next) => {
        // A gate that has died sends nothing more: its code may still run to its next wait.
        if (this.#time.current()?.alive === false) throw new Error('the gate is dead');
        if (next.offlineCounter !== held.offlineCounter) {
          const { offlineCounter } = held;
          const amountMinor = next.spentMinor - held.spentMinor;
          this.committed.push({ offlineCounter, amountMinor, atUs: this.#time.nowUs });
        }
        held = next;
      },
    });
  }
}

class WatchedCard extends VirtualCard {
  readonly #onCommand: () => void;

  constructor(onCommand: () => void, options: VirtualCardOptions) {
    super(options);
    this.#onCommand = onCommand;
  }

  override transmit(apdu: Uint8Array): Uint8Array {
    this.#onCommand();
    return super.transmit(apdu);
  }
}

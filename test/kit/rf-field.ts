/** A reader's field in tests: cards come and go, and a PN532 talks to what is there. */

/** What a card has to do in the field; a `VirtualCard` does. */
export interface FieldCard {
  readonly uid: Uint8Array;
  /** Null where it is pulled away in the middle. */
  transmit(apdu: Uint8Array): Uint8Array | null;
  /** Power was lost or came back. */
  power(): void;
}

export interface Present {
  readonly card: FieldCard;
  /** Commands it answers before it is pulled away. */
  readonly commandsMax: number;
  readonly stays: boolean;
  readonly speaksApdu: boolean;
  readonly gone: () => void;
  commands: number;
}

export interface Stay {
  /** Pulled away when the command after so many comes. */
  readonly commands?: number | undefined;
  /** Does not leave when the reader has done with it. */
  readonly stays?: boolean;
  /** A card without ISO 14443-4. */
  readonly mute?: boolean;
}

export class RfField {
  #cards: Present[] = [];

  get cards(): readonly Present[] {
    return this.#cards;
  }

  /** Brings a card; resolves when it has left. */
  present(card: FieldCard, stay: Stay = {}): Promise<void> {
    card.power();
    return new Promise((gone) => {
      this.#cards.push({
        card,
        commandsMax: stay.commands ?? Number.POSITIVE_INFINITY,
        stays: stay.stays ?? false,
        speaksApdu: !(stay.mute ?? false),
        gone,
        commands: 0,
      });
    });
  }

  /** Pulls every card away. */
  clear(): void {
    for (const present of [...this.#cards]) this.#leave(present);
  }

  /** The power goes: each card that was talked with and does not stay is taken away. */
  off(): void {
    for (const present of [...this.#cards]) {
      present.card.power();
      if (present.commands > 0 && !present.stays) this.#leave(present);
    }
  }

  /** The card's answer, or null where it is pulled away instead. */
  transmit(present: Present, apdu: Uint8Array): Uint8Array | null {
    if (!this.#cards.includes(present)) return null;
    if (present.commands >= present.commandsMax) {
      this.#leave(present);
      return null;
    }
    present.commands++;
    const answer = present.card.transmit(apdu);
    if (!answer) this.#leave(present);
    return answer;
  }

  #leave(present: Present): void {
    this.#cards = this.#cards.filter((each) => each !== present);
    present.card.power();
    present.gone();
  }
}

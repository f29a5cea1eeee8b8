/**
 * An application of another service on a citizen card (social security, library, medical): it
 * answers SELECT by name with an FCI (ISO/IEC 7816-4, 5.3.3) and refuses all else, for its files
 * are open to its own service's terminals alone.
 */
import { equalBytes } from '../../../engine/bytes.ts';
import { answer, parseCommand } from './command.ts';
import type { HeldCard } from './held-card.ts';

export interface ServiceCardOptions {
  /** 5 to 16 bytes. */
  readonly aid: Uint8Array;
  /** Tag 50, printable ASCII of 1 to 16 characters. */
  readonly label: string;
}

const NOTHING_KEPT = new Uint8Array(7);

export class ServiceCard implements HeldCard {
  /** Zeros: the card it is on has one. */
  readonly uid: Uint8Array = NOTHING_KEPT;
  readonly #aid: Uint8Array;
  readonly #fci: Uint8Array;
  #asked = 0;

  constructor({ aid, label }: ServiceCardOptions) {
    this.#aid = aid;
    const name = Buffer.from(label, 'latin1');
    const template = [0xa5, name.length + 2, 0x50, name.length, ...name];
    const body = [0x84, aid.length, ...aid, ...template];
    this.#fci = Uint8Array.of(0x6f, body.length, ...body);
  }

  /** Commands that were more than a SELECT: what a reader that only recognises never sends. */
  get asked(): number {
    return this.#asked;
  }

  power(): void {}

  transmit(apdu: Uint8Array): Uint8Array {
    const command = parseCommand(new Uint8Array(apdu));
    if (!command) return Uint8Array.of(0x67, 0x00);
    const { cla, ins, p1, p2, data } = command;
    if (cla === 0x00 && ins === 0xa4) {
      if (p1 !== 0x04 || p2 !== 0x00) return Uint8Array.of(0x6a, 0x86);
      const isNamed = data.length > 0 && equalBytes(data, this.#aid.subarray(0, data.length));
      return isNamed ? answer(this.#fci) : Uint8Array.of(0x6a, 0x82);
    }
    this.#asked++;
    return Uint8Array.of(0x69, 0x82);
  }

  /** It keeps nothing that power could take. */
  loseDuring(_apdu: Uint8Array): void {}
}

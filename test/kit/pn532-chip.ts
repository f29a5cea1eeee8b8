/** What a PN532 does with a command, for tests: from UM0701-02, apart from the gate's code. */
import type { Present, RfField } from './rf-field.ts';

const ATS = [0x06, 0x75, 0x77, 0x81, 0x02, 0x80];
const TIMED_OUT = 0x01;
const WRONG_PARAMETER = 0x27;
const MORE = 0x40;

export class Pn532Chip {
  readonly #field: RfField;
  /** Data of one answer; what is longer comes in pieces. */
  readonly #answerBytesMax: number;
  readonly counts = new Map<number, number>();
  #fieldOn = true;
  #targets: Present[] = [];
  #collected: number[] = [];
  #held: number[] = [];

  constructor(field: RfField, answerBytesMax = 262) {
    this.#field = field;
    this.#answerBytesMax = answerBytesMax;
  }

  /** From code and parameters to the answer's code and data; null for what the chip lacks. */
  perform(command: readonly number[]): number[] | null {
    const [code = -1, ...parameters] = command;
    this.counts.set(code, (this.counts.get(code) ?? 0) + 1);
    switch (code) {
      case 0x02:
        return [0x03, 0x32, 0x01, 0x06, 0x07];
      case 0x14:
        return [0x15];
      case 0x32:
        return this.#configure(parameters);
      case 0x4a:
        return [0x4b, ...this.#list(parameters[0] ?? 1)];
      case 0x40:
        return [0x41, ...this.#exchange(parameters)];
      default:
        return null;
    }
  }

  #configure([item, value]: number[]): number[] {
    if (item === 1) {
      this.#fieldOn = (value! & 1) === 1;
      if (!this.#fieldOn) this.#field.off();
      this.#targets = [];
    }
    return [0x33];
  }

  #list(max: number): number[] {
    if (!this.#fieldOn) return [0];
    this.#targets = this.#field.cards.slice(0, max);
    this.#collected = [];
    this.#held = [];
    return [
      this.#targets.length,
      ...this.#targets.flatMap(({ card, speaksApdu }, i) => [
        ...[i + 1, 0x00, 0x44, speaksApdu ? 0x20 : 0x08, card.uid.length, ...card.uid],
        ...(speaksApdu ? ATS : []),
      ]),
    ];
  }

  #exchange([target = 0, ...data]: number[]): number[] {
    const present = this.#targets[(target & 0x3f) - 1];
    if (!present) return [WRONG_PARAMETER];
    this.#collected.push(...data);
    if ((target & MORE) !== 0) return [0];
    if (this.#held.length === 0) {
      const answer = this.#field.transmit(present, Uint8Array.from(this.#collected));
      this.#collected = [];
      if (!answer) return [TIMED_OUT];
      this.#held = [...answer];
    }
    const piece = this.#held.splice(0, this.#answerBytesMax);
    return [this.#held.length > 0 ? MORE : 0, ...piece];
  }
}

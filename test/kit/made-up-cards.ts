/** Cards of no bank, which make up every answer, by a seed; and their dice. */
import { toHex } from '../../engine/bytes.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';
import { encodeElements } from './ecash-disguise.ts';

/** A linear congruential generator: the same of a seed everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(bound: number): number {
    this.#state = (Math.imul(this.#state, 1_103_515_245) + 12_345) >>> 0;
    return (this.#state >>> 8) % bound;
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  hex(length: number): string {
    return toHex(this.bytes(length));
  }

  digits(length: number): string {
    return Array.from({ length }, () => this.below(10)).join('');
  }

  /** Cut, with a bit turned, longer, another status word, or other bytes altogether. */
  changed(bytes: Uint8Array): Uint8Array {
    const out = Uint8Array.from(bytes);
    switch (this.below(5)) {
      case 0:
        return out.slice(0, this.below(out.length + 1));
      case 1:
        if (out.length > 0) out[this.below(out.length)]! ^= 1 << this.below(8);
        return out;
      case 2:
        return Uint8Array.of(...out.slice(0, -2), ...this.bytes(this.below(30)), 0x90, 0x00);
      case 3:
        return Uint8Array.of(...out.slice(0, this.below(2) * -2), ...this.bytes(2));
      default:
        return this.bytes(this.below(260));
    }
  }
}

const AID = 'A000000333010101';
const PDOLS = [
  '9F66049F02069F03069F1A0295055F2A029A039C019F3704DF6001DF6901',
  '9F66049F02069F03069F1A0295055F2A029A039C019F3704DF6901',
  '',
];

type Elements = [string, string][];

/** It knows the form of every answer, and has neither keys nor money. */
export class MadeUpCard implements HeldCard {
  readonly uid: Uint8Array;
  readonly pan: string;
  readonly #random: Random;
  readonly #isTidy: boolean;

  constructor(random: Random) {
    this.#random = random;
    this.uid = random.bytes(7);
    this.pan = `62280001${random.digits(8)}`;
    this.#isTidy = random.below(2) === 0;
  }

  power(): void {}

  loseDuring(): void {}

  transmit(apdu: Uint8Array): Uint8Array {
    const answer = this.#answer(apdu);
    return !this.#isTidy && this.#random.below(8) === 0 ? this.#random.changed(answer) : answer;
  }

  #answer(apdu: Uint8Array): Uint8Array {
    const random = this.#random;
    switch (apdu[1]) {
      case 0xa4:
        return this.#selected(apdu);
      case 0xa8:
        return template('77', this.#options());
      case 0xb2:
        return template('70', this.#record(apdu[2]!));
      case 0xb4:
        return Uint8Array.of(...this.#journey(), 0x90, 0x00);
      case 0xca:
        return bytesOf([['9F79', random.digits(12)]]);
      case 0x5a:
        return random.of([Uint8Array.of(0x94, 0x06), Uint8Array.of(...random.bytes(8), 0x90, 0)]);
      default:
        return Uint8Array.of(0x90, 0x00);
    }
  }

  #selected(apdu: Uint8Array): Uint8Array {
    const isDirectory = apdu[5] === 0x32;
    if (isDirectory || toHex(apdu.subarray(5, 13)) !== AID) {
      return Uint8Array.of(0x6a, 0x82);
    }
    const pdol = this.#random.of(PDOLS);
    const services = toHex(encodeElements([['DF61', '02']]));
    const inner = encodeElements([
      ['9F38', pdol],
      ['BF0C', services],
    ]);
    return template('6F', [
      ['84', AID],
      ['A5', toHex(inner)],
    ]);
  }

  #options(): Elements {
    const random = this.#random;
    const decision = random.of(['90', '90', '90', 'A0', '80']);
    const information = { '90': '40', A0: '80', '80': '00' }[decision]!;
    const locator = random.of(['08010300', '08010301', '10010400', '', random.hex(4)]);
    const all: Elements = [
      ['82', '7C00'],
      ['94', locator],
      ['9F36', random.hex(2)],
      ['57', `${this.pan}D3012201${random.digits(6)}0F`],
      ['9F10', `07010103${decision}0000010A01${random.digits(10)}${random.hex(4)}`],
      ['9F26', random.hex(8)],
      ['9F27', information],
      ['9F6C', random.hex(2)],
      ['9F5D', random.of([random.digits(12), '000000000000', '000000009000'])],
    ];
    return this.#isTidy ? all : all.filter(() => random.below(20) > 0);
  }

  #record(number: number): Elements {
    const random = this.#random;
    if (number === 1) {
      return [
        ['5F24', random.of(['301231', '301231', '200101', random.hex(3)])],
        ['9F69', '0100000000300000'],
        ['8F', random.of(['80', '01', '57'])],
      ];
    }
    if (number === 2) {
      return [
        ['90', random.hex(random.of([144, 176, 32]))],
        ['9F32', '03'],
      ];
    }
    return [['9F4B', random.hex(random.of([144, 128, 20]))]];
  }

  /** 48 bytes: id, length, type, terminal, industry, station, and a date of now or nonsense. */
  #journey(): Uint8Array {
    const record = this.#random.bytes(48);
    record.set([0x27, 0x01, 45, this.#random.below(5)]);
    return record;
  }
}

function bytesOf(elements: Elements): Uint8Array {
  return Uint8Array.of(...encodeElements(elements), 0x90, 0x00);
}

function template(tag: string, elements: Elements): Uint8Array {
  return bytesOf([[tag, toHex(encodeElements(elements))]]);
}

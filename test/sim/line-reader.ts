/**
 * A reader of the simulation behind the production link code: a simulated PN532 or ACR122 on a
 * line. Cards leave at any byte on the air, several are held up at once, the line is garbled, and
 * the reader is unplugged at any byte in either direction and comes back.
 */
import { FaregateError } from '../../engine/errors.ts';
import type { Chance } from '../../gate/demo/chance.ts';
import { Acr122Channel } from '../../gate/reader/acr122-channel.ts';
import type { ByteLink, ByteLinkSource, ByteListener } from '../../gate/reader/byte-link.ts';
import { LinkReader } from '../../gate/reader/link-reader.ts';
import { Pn532 } from '../../gate/reader/pn532.ts';
import { Pn532Finder } from '../../gate/reader/pn532-finder.ts';
import { Pn532SerialChannel } from '../../gate/reader/pn532-serial.ts';
import type { Reader } from '../../gate/reader/reader.ts';
import { commandName } from '../../gate/reader/virtual/command.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';
import { type PresentOptions, type Tear, VirtualReader } from '../../gate/reader/virtual/reader.ts';
import { apduUs, processingUs, timing } from '../../gate/reader/virtual/timing.ts';
import { Acr122Device, type Fault, InDataExchange, Pn532Device } from '../kit/reader-devices.ts';
import type { FieldCard } from '../kit/rf-field.ts';
import type { Scenario } from './scenario.ts';
import type { SimProcess, VirtualTime } from './virtual-time.ts';

/** How long a rider holds a card to a gate that does nothing. */
const PATIENCE_MS = 4000;
/** A device with an empty field keeps silent: looking every 20 ms would be most of what happens. */
const ANSWER_MS = 3600_000;
const EMPTY_LOOKS = 3;
/** At 115200 baud. */
const BYTE_US = 87;
const IN_LIST = 0x4a;

const faults: readonly Fault[] = [
  'command damaged',
  'command lost',
  'acknowledgement lost',
  'acknowledgement garbled',
  'answer damaged',
  'answer length damaged',
  'answer cut off',
  'answer of another command first',
  'noise before the answer',
  'answer refused',
  'answer in single bytes',
  'answer empty',
];

export interface LineReaderParts {
  readonly name: string;
  readonly time: VirtualTime;
  readonly scenario: Scenario;
  readonly chance: Chance;
  /** Of the gate. */
  readonly process: SimProcess;
  /** Whether things may go wrong still. */
  readonly isCalm: () => boolean;
}

/** Holds a card to a reader. */
export type Hold = (card: HeldCard, options: PresentOptions) => Promise<void>;

/** A gate's reader: on a line where the scenario says so, else on the air. */
export async function openSimReader(
  parts: LineReaderParts,
): Promise<{ readonly reader: Reader; readonly hold: Hold }> {
  const { name, scenario, chance } = parts;
  if (scenario.faults.has('line')) {
    const line = new LineReader(parts);
    return { reader: await line.reader(), hold: (card, options) => line.present(card, options) };
  }
  const reader = new VirtualReader({ name, chance: () => chance.fraction() });
  return { reader, hold: (card, options) => reader.present(card, options) };
}

class LineReader implements ByteLinkSource {
  readonly name: string;
  readonly #parts: LineReaderParts;
  readonly #device: Pn532Device | Acr122Device;
  #listener: ByteListener | null = null;
  #unplugged = false;
  /** Bytes until the plug is pulled, one way or the other; null: it stays in. */
  #cut: { readonly toDevice: boolean; left: number } | null = null;
  /** The answer is not on its way before this. */
  #busyUs = 0;
  #emptyLooks = 0;
  #heldLook: Uint8Array | null = null;

  constructor(parts: LineReaderParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.#device = parts.chance.happens(0.5) ? new Pn532Device() : new Acr122Device();
  }

  /** The production reader on this line. */
  reader(): Promise<Reader> {
    const open = (): Promise<Pn532SerialChannel | Acr122Channel> =>
      this.#device instanceof Pn532Device
        ? Pn532SerialChannel.open(this.name, this)
        : Acr122Channel.open(this.name, this);
    const connect = async () => Pn532.start(this.name, await open(), ANSWER_MS);
    return LinkReader.open(this.name, connect, new Pn532Finder(() => {}), {});
  }

  /** Holds a card to the gate until the gate is done with it, or the rider loses patience. */
  async present(card: HeldCard, options: PresentOptions): Promise<void> {
    const { time, scenario, chance, isCalm } = this.#parts;
    const { field } = this.#device;
    const calm = isCalm();
    this.#cut = null;
    if (!calm && scenario.faults.has('readerLoss') && chance.happens(0.1)) {
      this.#cut = { toDevice: chance.happens(0.5), left: 1 + chance.below(600) };
    }
    if (!calm && scenario.faults.has('lineNoise') && chance.happens(0.2)) {
      this.#device.plan(InDataExchange, chance.pick(faults));
    }
    const gone = field.present(this.#held(card, options), {});
    if (!calm && scenario.faults.has('severalCards') && chance.happens(0.15)) {
      void field.present(otherCard, { stays: true, mute: chance.happens(0.5) });
    }
    this.#look();
    await Promise.race([gone, time.sleep(PATIENCE_MS)]);
    field.clear();
  }

  /** @throws FaregateError READER_FAILED while it is unplugged. */
  async open(listener: ByteListener): Promise<ByteLink> {
    if (this.#unplugged) throw new FaregateError('READER_FAILED', `${this.name}: unplugged`);
    this.#listener = listener;
    return {
      write: (bytes) => this.#toDevice(bytes.slice()),
      close: () => {
        if (this.#listener === listener) this.#listener = null;
      },
    };
  }

  #toDevice(bytes: Uint8Array): void {
    const { time } = this.#parts;
    const whole = this.#passes(true, bytes.length);
    const arriving = bytes.subarray(0, whole);
    time.within(undefined, () => {
      setTimeout(() => this.#receive(arriving), (arriving.length * BYTE_US) / 1000);
    });
    if (whole < bytes.length) this.#unplug();
  }

  #receive(bytes: Uint8Array): void {
    const { time } = this.#parts;
    this.#busyUs = time.nowUs;
    const looks = isLook(bytes);
    if (looks && this.#device.field.cards.length === 0) {
      this.#emptyLooks += 1;
      if (this.#emptyLooks > EMPTY_LOOKS) {
        this.#heldLook = bytes;
        this.#device.plan(IN_LIST, 'no answer');
      }
    } else if (looks) this.#emptyLooks = 0;
    this.#device.receive(bytes, (answer) => this.#toGate(Uint8Array.from(answer)));
  }

  /** A card has come: the look that was held back is answered. */
  #look(): void {
    const look = this.#heldLook;
    if (!look || this.#unplugged) return;
    this.#heldLook = null;
    this.#emptyLooks = 0;
    this.#busyUs = this.#parts.time.nowUs;
    let acknowledged = false;
    this.#device.receive(look, (answer) => {
      // The acknowledgement went out when the look came.
      if (acknowledged) this.#toGate(Uint8Array.from(answer));
      acknowledged = true;
    });
  }

  #toGate(bytes: Uint8Array): void {
    const { time, process } = this.#parts;
    const listener = this.#listener;
    const whole = this.#passes(false, bytes.length);
    this.#busyUs = Math.max(this.#busyUs, time.nowUs) + whole * BYTE_US;
    time.within(process, () => {
      setTimeout(
        () => {
          if (listener !== this.#listener || !listener) return;
          if (whole > 0) listener.onBytes(bytes.subarray(0, whole));
          if (whole < bytes.length) this.#unplug();
        },
        (this.#busyUs - time.nowUs) / 1000,
      );
    });
  }

  /** How many of so many bytes pass before the plug is pulled. */
  #passes(toDevice: boolean, bytes: number): number {
    const cut = this.#cut;
    if (cut?.toDevice !== toDevice) return bytes;
    const passing = Math.min(bytes, cut.left);
    cut.left -= passing;
    if (cut.left === 0) this.#cut = null;
    return passing;
  }

  #unplug(): void {
    const { time, process, chance } = this.#parts;
    if (this.#unplugged) return;
    this.#unplugged = true;
    this.#heldLook = null;
    const listener = this.#listener;
    this.#listener = null;
    time.within(process, () => {
      setTimeout(() => listener?.onEnd('unplugged'), 1);
    });
    time.within(undefined, () => {
      setTimeout(() => this.#replug(), chance.fraction() * 30_000);
    });
  }

  #replug(): void {
    this.#unplugged = false;
    this.#emptyLooks = 0;
    this.#device.reset();
  }

  /** The card as the field has it: it takes its time, and is torn away where the rider says. */
  #held(card: HeldCard, { kbitps, cardClass = 'plastic', tear }: PresentOptions): FieldCard {
    const { chance } = this.#parts;
    let commands = 0;
    return {
      uid: card.uid,
      power: () => card.power(),
      transmit: (apdu) => {
        commands += 1;
        const name = commandName(apdu);
        const sentUs = apduUs(apdu.length, kbitps);
        const workUs = processingUs(name, cardClass, chance.fraction());
        const isTorn = tear && (tear.command === name || tear.command === commands);
        if (isTorn) {
          this.#busyUs += this.#tornAway(card, tear, apdu, sentUs, workUs);
          return null;
        }
        const answer = card.transmit(apdu);
        this.#busyUs += sentUs + workUs + apduUs(answer.length, kbitps);
        return answer;
      },
    };
  }

  /** @returns the time until the chip gives up, wherever in the command or its answer it was. */
  #tornAway(
    card: HeldCard,
    { when }: Tear,
    apdu: Uint8Array,
    sentUs: number,
    workUs: number,
  ): number {
    const part = this.#parts.chance.fraction();
    if (when === 'before') return sentUs * part + timing.lossUs;
    if (when === 'during') {
      card.loseDuring(apdu);
      return sentUs + workUs * part + timing.lossUs;
    }
    const answer = card.transmit(apdu);
    return sentUs + workUs + apduUs(answer.length, 106) * part + timing.lossUs;
  }
}

/** What else is in the wallet. */
const otherCard: FieldCard = {
  uid: Uint8Array.of(0x04, 1, 2, 3, 4, 5, 6),
  power: () => {},
  transmit: () => Uint8Array.of(0x6a, 0x82),
};

/** Whether a frame to the device is InListPassiveTarget, in either device's frames. */
function isLook(bytes: Uint8Array): boolean {
  const at = bytes[0] === 0x02 ? 16 : 5;
  return bytes[at] === 0xd4 && bytes[at + 1] === IN_LIST;
}

/**
 * Simulated reader devices on a byte stream: a PN532 on its serial interface, and an ACR122S around
 * one. They frame by themselves, apart from the gate's code, and can be told to misbehave.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { READER_EMPTY_LOOKS } from '../../engine/limits.ts';
import { Pn532Chip } from './pn532-chip.ts';
import { RfField } from './rf-field.ts';

/** What goes wrong with one command to the chip, or with its answer. */
export type Fault =
  /** Arrives damaged: a PN532 says nothing, an ACR122 says so; neither carries it out. */
  | 'command damaged'
  /** Does not arrive at all. */
  | 'command lost'
  | 'acknowledgement lost'
  | 'acknowledgement garbled'
  | 'answer damaged'
  | 'answer length damaged'
  | 'answer cut off'
  | 'answer of another command first'
  | 'noise before the answer'
  | 'noise instead of the answer'
  | 'no answer'
  | 'answer refused'
  | 'answer in single bytes'
  | 'answer empty';

export interface Device {
  readonly field: RfField;
  readonly chip: Pn532Chip;
  /** The next commands with that code meet these faults, one each. */
  plan(code: number, ...faults: Fault[]): void;
  /** Whether the device is deaf: it neither takes nor says anything. */
  deaf: boolean;
  /** Takes bytes from the host; answers go out through `send`. */
  receive(chunk: Uint8Array, send: (bytes: number[]) => void): void;
  /** Power was lost. */
  reset(): void;
}

export const InDataExchange = 0x40;
export const InListPassiveTarget = 0x4a;

/**
 * Resolves when the gate has looked for cards so often since that it has heard what is in the field
 * now, and knows an empty one for empty.
 */
export async function looked({ chip }: Device): Promise<void> {
  const looks = (): number => chip.counts.get(InListPassiveTarget) ?? 0;
  // One may be under way, and the last one's answer not heard yet.
  const enough = looks() + READER_EMPTY_LOOKS + 2;
  while (looks() < enough) await sleep(5);
}

abstract class FaultyDevice {
  readonly field: RfField = new RfField();
  readonly chip: Pn532Chip;
  deaf = false;
  #plans = new Map<number, Fault[]>();
  protected received: number[] = [];
  protected last: number[] = [];

  constructor(answerBytesMax?: number) {
    this.chip = new Pn532Chip(this.field, answerBytesMax);
  }

  plan(code: number, ...faults: Fault[]): void {
    this.#plans.set(code, [...(this.#plans.get(code) ?? []), ...faults]);
  }

  receive(chunk: Uint8Array, send: (bytes: number[]) => void): void {
    if (this.deaf) return;
    this.received.push(...chunk);
    this.work(send);
  }

  reset(): void {
    this.received = [];
    this.field.off();
  }

  protected abstract work(send: (bytes: number[]) => void): void;
  protected abstract noise(): number[];
  protected abstract otherAnswer(): number[];

  protected faultOf(code: number): Fault | null {
    return this.#plans.get(code)?.shift() ?? null;
  }

  /** Sends an answer as the fault has it; the whole of it can be asked for again. */
  protected deliver(whole: number[], fault: Fault | null, send: (bytes: number[]) => void): void {
    this.last = whole;
    if (fault === 'answer in single bytes') for (const byte of whole) send([byte]);
    else if (fault !== 'no answer') send(this.#spoiled(whole, fault));
  }

  #spoiled(whole: number[], fault: Fault | null): number[] {
    switch (fault) {
      case 'answer damaged':
        return whole.map((byte, i) => (i === whole.length - 3 ? byte ^ 0x10 : byte));
      case 'answer length damaged':
        return whole.map((byte, i) => (i === 3 ? byte ^ 0x01 : byte));
      case 'answer cut off':
        return whole.slice(0, whole.length >> 1);
      case 'noise before the answer':
        return [...this.noise(), ...whole];
      case 'noise instead of the answer':
        return this.noise();
      case 'answer of another command first':
        return [...this.otherAnswer(), ...whole];
      default:
        return whole;
    }
  }
}

const ACK = [0x00, 0x00, 0xff, 0x00, 0xff, 0x00];
const NACK = [0x00, 0x00, 0xff, 0xff, 0x00, 0x00];

export class Pn532Device extends FaultyDevice implements Device {
  #awake = false;

  override reset(): void {
    super.reset();
    this.#awake = false;
  }

  protected work(send: (bytes: number[]) => void): void {
    for (;;) {
      const bytes = this.received;
      const at = bytes.findIndex((byte, i) => byte === 0x00 && bytes[i + 1] === 0xff);
      if (!this.#awake && bytes[0] === 0x55) this.#awake = true;
      if (at < 0 || bytes.length < at + 5) return;
      const code = bytes.slice(at, at + 4).join();
      if (code === ACK.slice(1, 5).join() || code === NACK.slice(1, 5).join()) {
        bytes.splice(0, at + 5);
        if (code === NACK.slice(1, 5).join()) send(this.last);
        continue;
      }
      const extended = bytes[at + 2] === 0xff && bytes[at + 3] === 0xff;
      const length = extended ? bytes[at + 4]! * 256 + bytes[at + 5]! : bytes[at + 2]!;
      const begin = at + (extended ? 7 : 4);
      if (bytes.length < begin + length + 2) return;
      const payload = bytes.slice(begin, begin + length);
      const total = payload.reduce((sum, byte) => sum + byte, bytes[begin + length]!);
      bytes.splice(0, begin + length + 2);
      if (total % 256 === 0 && payload[0] === 0xd4 && this.#awake) this.#take(payload, send);
    }
  }

  #take(payload: number[], send: (bytes: number[]) => void): void {
    const command = payload.slice(1);
    const fault = this.faultOf(command[0]!);
    if (fault === 'command damaged' || fault === 'command lost') return;
    if (fault === 'acknowledgement garbled') send([0x00, 0x00, 0xff, 0x00, 0xfe, 0x00]);
    else if (fault !== 'acknowledgement lost') send(ACK);
    const answer = fault === 'answer refused' ? null : this.chip.perform(command);
    if (fault === 'answer empty') this.deliver(frameOf([0xd5, answer![0]!]), null, send);
    else this.deliver(answer ? frameOf([0xd5, ...answer]) : frameOf([0x7f]), fault, send);
  }

  protected noise(): number[] {
    return [0x00, 0xff, 0x13, 0x37, 0x00, 0x00, 0xff, 0x04, 0x99, 0xd5, 0x41, 0xfe];
  }

  protected otherAnswer(): number[] {
    return frameOf([0xd5, 0x4b, 0x00]);
  }
}

function frameOf(payload: number[]): number[] {
  const check = (256 - (payload.reduce((sum, byte) => sum + byte, 0) % 256)) % 256;
  const high = payload.length >> 8;
  const low = payload.length & 0xff;
  const header =
    payload.length > 255 ? [0xff, 0xff, high, low, (512 - high - low) % 256] : [low, 256 - low];
  return [0x00, 0x00, 0xff, ...header, ...payload, check, 0x00];
}

export class Acr122Device extends FaultyDevice implements Device {
  #powered = false;

  override reset(): void {
    super.reset();
    this.#powered = false;
  }

  protected work(send: (bytes: number[]) => void): void {
    const bytes = this.received;
    while (bytes.length >= 13) {
      if (bytes[0] !== 0x02) {
        bytes.shift();
        continue;
      }
      const length = bytes[2]! + bytes[3]! * 256;
      if (bytes.length < 13 + length) return;
      const frame = bytes.splice(0, 13 + length);
      const header = frame.slice(1, 11);
      const isNak = frame.slice(1, 12).every((byte) => byte === 0);
      const check = frame.slice(1, -1).reduce((xor, byte) => xor ^ byte, 0);
      if (isNak) send(this.last);
      else if (frame.at(-1) !== 0x03) send([0x02, 0xfd, 0xfd, 0x03]);
      else if (check !== 0) send([0x02, 0xff, 0xff, 0x03]);
      else this.#take(header, frame.slice(11, -2), send);
    }
  }

  #take(header: number[], data: number[], send: (bytes: number[]) => void): void {
    const [type, , , , , , sequence = 0] = header;
    const code = type === 0x6f ? data[6]! : 0x62;
    const fault = this.faultOf(code);
    if (fault === 'command damaged') send([0x02, 0xff, 0xff, 0x03]);
    if (fault === 'command damaged' || fault === 'command lost') return;
    if (fault === 'acknowledgement garbled') send([0x02, 0x00, 0x01, 0x03]);
    else if (fault !== 'acknowledgement lost') send([0x02, 0x00, 0x00, 0x03]);
    if (type === 0x62) {
      this.#powered = true;
      // No SAM in the slot: the command failed, and the reader works all the same.
      this.deliver(messageOf(sequence, 0x42, []), fault, send);
      return;
    }
    const direct = data.slice(0, 4).join() === [0xff, 0, 0, 0].join() && data[5] === 0xd4;
    const whole = data.length === 5 + data[4]!;
    const answer = direct && whole && this.#powered && fault !== 'answer refused';
    const performed = answer ? this.chip.perform(data.slice(6)) : null;
    const told = performed ? [0xd5, ...performed, 0x90, 0x00] : [0x63, 0x7f];
    const empty = performed ? [0xd5, performed[0]!, 0x90, 0x00] : told;
    if (fault === 'answer empty') this.deliver(messageOf(sequence, 0x01, empty), null, send);
    else this.deliver(messageOf(sequence, 0x01, told), fault, send);
  }

  protected noise(): number[] {
    return [0x02, 0x13, 0x37, 0x02, 0x02, 0x80, 0xff, 0xff, 0xff, 0x03, 0x55, 0x80, 0x00, 0x00];
  }

  protected otherAnswer(): number[] {
    return messageOf(0xee, 0x01, [0xd5, 0x41, 0x00, 0x90, 0x00, 0x90, 0x00]);
  }
}

function messageOf(sequence: number, status: number, data: number[]): number[] {
  const body = [0x80, data.length & 0xff, data.length >> 8, 0, 0, 0, sequence, status, 0, 0];
  const bytes = [...body, ...data];
  return [0x02, ...bytes, bytes.reduce((xor, byte) => xor ^ byte, 0), 0x03];
}

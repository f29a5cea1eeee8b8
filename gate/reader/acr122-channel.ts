/**
 * Commands to the PN532 inside an ACR122S or its kin: wrapped as "direct transmit" (FF 00 00 00 Lc)
 * in the reader's own frames. A command that arrived damaged is refused before it is carried out,
 * so it may always be sent again; an answer that came damaged is asked for again.
 */
import assert from 'node:assert/strict';
import { READER_ANSWER_MS_MAX } from '../../engine/durations.ts';
import { FaregateError } from '../../engine/errors.ts';
import { READER_TRIES } from '../../engine/limits.ts';
import {
  ACR122_NAK,
  type Acr122Frame,
  Acr122Scanner,
  acr122Frame,
  FrameStatus,
  MessageType,
} from './acr122-frame.ts';
import type { ByteLinkSource } from './byte-link.ts';
import { FrameLine } from './frame-line.ts';
import { type ExchangeOptions, FROM_CHIP, type Pn532Channel, TO_CHIP } from './pn532-channel.ts';

const DIRECT_TRANSMIT = Uint8Array.of(0xff, 0x00, 0x00, 0x00);
/** Lc is one byte and counts D4 too. */
const DIRECT_BYTES_MAX = 255;
/** 5 V: the manual's example for activating the slot. */
const POWER_5V = 0x01;

type Message = Acr122Frame & { readonly kind: 'message' };

const Outcome = { failed: 1, moreTime: 2 } as const;

export class Acr122Channel implements Pn532Channel {
  readonly commandBytesMax: number = DIRECT_BYTES_MAX - 1;
  readonly #name: string;
  readonly #line: FrameLine<Acr122Frame>;
  #sequence = 0;

  /** @throws FaregateError READER_FAILED where the link cannot be opened. */
  static async open(name: string, source: ByteLinkSource, ackMs?: number): Promise<Acr122Channel> {
    return new Acr122Channel(name, await FrameLine.open(name, source, new Acr122Scanner(), ackMs));
  }

  private constructor(name: string, line: FrameLine<Acr122Frame>) {
    this.#name = name;
    this.#line = line;
  }

  /** The reader passes commands on only once its SAM slot is active, be there a SAM or none. */
  async wake(): Promise<void> {
    const options = { timeoutMs: READER_ANSWER_MS_MAX, repeatable: true };
    const answered = await this.#message(MessageType.powerOn, new Uint8Array(0), options, POWER_5V);
    if (answered) return;
    throw new FaregateError('READER_FAILED', `${this.#name}: no ACR122 answers`);
  }

  async exchange(command: Uint8Array, options: ExchangeOptions): Promise<Uint8Array | null> {
    assert(command.length >= 1 && command.length <= this.commandBytesMax);
    const direct = DIRECT_TRANSMIT.length;
    const apdu = new Uint8Array(direct + 2 + command.length);
    apdu.set(DIRECT_TRANSMIT);
    apdu[direct] = 1 + command.length;
    apdu[direct + 1] = TO_CHIP;
    apdu.set(command, direct + 2);
    const answer = await this.#message(MessageType.transfer, apdu, options);
    if (!answer || answer.outcome === Outcome.failed) return null;
    const { data } = answer;
    const done = data.length >= 4 && data[data.length - 2] === 0x90 && data[data.length - 1] === 0;
    // 63 xx: the chip did not answer, or not what the reader understood.
    if (!done || data[0] !== FROM_CHIP || data[1] !== command[0]! + 1) return null;
    return data.subarray(2, data.length - 2);
  }

  close(): void {
    this.#line.close();
  }

  /** Sends a message and gives the one that answers it, or null. */
  async #message(
    type: number,
    data: Uint8Array,
    options: ExchangeOptions,
    parameter = 0,
  ): Promise<Message | null> {
    this.#sequence = (this.#sequence + 1) & 0xff;
    const frame = acr122Frame(type, this.#sequence, data, parameter);
    for (let i = 0; i < READER_TRIES; i++) {
      this.#line.clear();
      this.#line.send(frame);
      const early = await this.#status(frame.length);
      if (early === 'refused' || (early === 'silent' && options.repeatable)) continue;
      if (early === 'silent') return null;
      return early === 'taken' ? await this.#answer(options.timeoutMs) : early;
    }
    return null;
  }

  /** What the reader says of the command, or its answer where the status was lost. */
  async #status(bytes: number): Promise<'taken' | 'refused' | 'silent' | Message> {
    const untilMs = this.#line.ackUntilMs(bytes);
    for (;;) {
      const frame = await this.#line.receive(untilMs);
      if (frame === null) return 'silent';
      if (frame.kind === 'status') return frame.status === FrameStatus.taken ? 'taken' : 'refused';
      if (frame.kind === 'message' && frame.sequence === this.#sequence) return frame;
    }
  }

  async #answer(timeoutMs: number): Promise<Message | null> {
    const untilMs = performance.now() + timeoutMs;
    let asked = 1;
    for (;;) {
      const frame = await this.#line.receive(untilMs);
      if (frame === null) return null;
      if (frame.kind === 'broken') {
        if (asked++ === READER_TRIES) return null;
        await this.#line.settle(untilMs);
        this.#line.send(ACR122_NAK);
        continue;
      }
      if (frame.kind !== 'message' || frame.sequence !== this.#sequence) continue;
      if (frame.outcome !== Outcome.moreTime) return frame;
    }
  }
}

/**
 * Commands to a PN532 over its serial interface (UM0701-02, 6.2): the chip acknowledges a command,
 * then answers it. An answer that came broken is asked for again, which does not repeat the
 * command.
 */
import assert from 'node:assert/strict';
import { FaregateError } from '../../engine/errors.ts';
import { PN532_PAYLOAD_BYTES_MAX, READER_TRIES } from '../../engine/limits.ts';
import type { ByteLinkSource } from './byte-link.ts';
import { FrameLine } from './frame-line.ts';
import { type ExchangeOptions, FROM_CHIP, type Pn532Channel, TO_CHIP } from './pn532-channel.ts';
import { PN532_ACK, PN532_NACK, type Pn532Frame, Pn532Scanner, pn532Frame } from './pn532-frame.ts';

/** A long preamble, during which the chip leaves its low-power mode. */
const WAKE_UP = Uint8Array.of(0x55, 0x55, ...new Uint8Array(14));
/** SAMConfiguration: normal mode, no timeout, no interrupt line. */
const SAM_CONFIGURATION = Uint8Array.of(0x14, 0x01, 0x00, 0x00);

export class Pn532SerialChannel implements Pn532Channel {
  readonly commandBytesMax: number = PN532_PAYLOAD_BYTES_MAX - 1;
  readonly #name: string;
  readonly #line: FrameLine<Pn532Frame>;

  /** @throws FaregateError READER_FAILED where the link cannot be opened. */
  static async open(
    name: string,
    source: ByteLinkSource,
    ackMs?: number,
  ): Promise<Pn532SerialChannel> {
    return new Pn532SerialChannel(
      name,
      await FrameLine.open(name, source, new Pn532Scanner(), ackMs),
    );
  }

  private constructor(name: string, line: FrameLine<Pn532Frame>) {
    this.#name = name;
    this.#line = line;
  }

  async wake(): Promise<void> {
    this.#line.send(WAKE_UP);
    // Aborts what the chip may still be at, from before this program began.
    this.#line.send(PN532_ACK);
    const options = { timeoutMs: this.#line.ackMs, repeatable: true };
    if (await this.exchange(SAM_CONFIGURATION, options)) return;
    throw new FaregateError('READER_FAILED', `${this.#name}: no PN532 answers`);
  }

  async exchange(command: Uint8Array, options: ExchangeOptions): Promise<Uint8Array | null> {
    assert(command.length >= 1 && command.length <= this.commandBytesMax);
    const payload = new Uint8Array(1 + command.length);
    payload[0] = TO_CHIP;
    payload.set(command, 1);
    const frame = pn532Frame(payload);
    const code = command[0]! + 1;
    const tries = options.repeatable ? READER_TRIES : 1;
    for (let i = 0; i < tries; i++) {
      this.#line.clear();
      this.#line.send(frame);
      const early = await this.#acknowledged(code, frame.length);
      if (early === 'silent') continue;
      return early === 'taken' ? await this.#answer(code, options.timeoutMs) : early;
    }
    return null;
  }

  close(): void {
    this.#line.close();
  }

  /** The chip took the command, or its answer came although the acknowledgement was lost. */
  async #acknowledged(code: number, bytes: number): Promise<'taken' | 'silent' | Uint8Array> {
    const untilMs = this.#line.ackUntilMs(bytes);
    for (;;) {
      const frame = await this.#line.receive(untilMs);
      if (frame === null) return 'silent';
      if (frame.kind === 'ack') return 'taken';
      const answer = answerIn(frame, code);
      if (answer) return answer;
    }
  }

  async #answer(code: number, timeoutMs: number): Promise<Uint8Array | null> {
    const untilMs = performance.now() + timeoutMs;
    let asked = 1;
    for (;;) {
      const frame = await this.#line.receive(untilMs);
      if (frame === null) {
        this.#line.send(PN532_ACK);
        return null;
      }
      if (frame.kind === 'error') return null;
      if (frame.kind === 'broken') {
        if (asked++ === READER_TRIES) return null;
        await this.#line.settle(untilMs);
        this.#line.send(PN532_NACK);
        continue;
      }
      const answer = answerIn(frame, code);
      if (answer) return answer;
    }
  }
}

/** What follows D5 and the code, where the frame answers that command; else null. */
function answerIn(frame: Pn532Frame, code: number): Uint8Array | null {
  if (frame.kind !== 'payload') return null;
  const { payload } = frame;
  return payload[0] === FROM_CHIP && payload[1] === code ? payload.subarray(2) : null;
}

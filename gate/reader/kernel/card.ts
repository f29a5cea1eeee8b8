/**
 * Sessions at a reader with a certified kernel: a card in its field, which the kernel drives and
 * the gate may exchange commands with, and an outcome that came when its card had gone.
 */
import assert from 'node:assert/strict';
import type { KernelOutcome } from '../../../engine/card/qpboc/kernel.ts';
import type { CardSession, KernelSession } from '../reader.ts';
import { type GateMessage, hexOf, type StartTerms } from './message.ts';

/** What a session needs of its link. */
export interface CardPort {
  readonly answerMs: number;
  send(message: GateMessage): void;
  released(): void;
  /** An outcome that no tap took. */
  late(tap: string, outcome: KernelOutcome): void;
  /** An outcome that its tap is done with. */
  taken(tap: string, outcome: KernelOutcome): void;
}

export class KernelCard implements CardSession, KernelSession {
  readonly tap: string;
  readonly uid: Uint8Array;
  readonly modelledUs: number = 0;
  readonly isLate: boolean = false;
  readonly amountMinor: number | null;
  readonly hasApdus: boolean;
  readonly #port: CardPort;
  /** The kernel has begun, or was told to; until then it has nothing to say. */
  #begun: boolean;
  /** Undefined: nothing has come yet; null: nothing will be taken any more. */
  #heard: KernelOutcome | null | undefined;
  #isAsked = false;
  #isGone = false;
  #isReleased = false;
  #number = 0;
  #answered: ((data: Uint8Array | null) => void) | null = null;
  #wake: (() => void) | null = null;

  constructor(port: CardPort, terms: StartTerms, tap: string, uid: Uint8Array) {
    this.#port = port;
    this.tap = tap;
    this.uid = uid;
    this.amountMinor = terms.amountMinor;
    this.hasApdus = terms.order.includes('apdu');
    this.#begun = terms.order[0] === 'kernel';
  }

  get kernel(): KernelSession {
    return this;
  }

  transceive(apdu: Uint8Array): Promise<Uint8Array | null> {
    assert(this.#answered === null, 'one command at a time');
    if (this.#isGone || this.#isReleased || !this.hasApdus) return Promise.resolve(null);
    this.#number += 1;
    const { tap } = this;
    this.#port.send({ type: 'apdu', tap, number: this.#number, data: hexOf(apdu) });
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#answer(null), this.#port.answerMs);
      this.#answered = (data) => {
        clearTimeout(timer);
        resolve(data);
      };
    });
  }

  async outcome(): Promise<KernelOutcome | null> {
    if (this.amountMinor === null || this.#isReleased) return null;
    this.#isAsked = true;
    if (!this.#begun && !this.#isGone) {
      this.#begun = true;
      this.#port.send({ type: 'kernel', tap: this.tap });
    }
    if (this.#heard === undefined && !this.#isGone) await this.#heardOrLate();
    this.#heard ??= null;
    return this.#heard;
  }

  settle(isSettled: boolean): void {
    if (!this.#heard || !this.#isAsked) return;
    if (isSettled) this.#port.taken(this.tap, this.#heard);
    else this.#port.late(this.tap, this.#heard);
  }

  show({ open, reason, light, sound }: Parameters<KernelSession['show']>[0]): void {
    this.#port.send({ type: 'show', tap: this.tap, open, reason, light, sound });
  }

  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    const heard = this.#heard;
    this.leave();
    if (heard && !this.#isAsked) this.#port.late(this.tap, heard);
    if (this.#begun && !heard) this.#port.send({ type: 'cancel', tap: this.tap });
    this.#port.send({ type: 'done', tap: this.tap });
    this.#port.released();
  }

  /** Takes the kernel's outcome, the first alone; false: this tap waits for none. */
  hear(outcome: KernelOutcome): boolean {
    if (this.#heard?.verdict === 'approved') return true;
    if (!this.#begun || this.#heard !== undefined || this.#isReleased || this.#isGone) return false;
    this.#heard = outcome;
    this.#wake?.();
    return true;
  }

  /** The card's answer to a command. */
  answered(number: number, data: Uint8Array | null): void {
    if (number === this.#number) this.#answer(data);
  }

  /** The card has gone, or the link. */
  leave(): void {
    this.#isGone = true;
    this.#answer(null);
    this.#wake?.();
  }

  #answer(data: Uint8Array | null): void {
    const answered = this.#answered;
    this.#answered = null;
    // A card that does not answer once is as good as gone.
    if (answered && data === null) this.#isGone = true;
    answered?.(data);
  }

  async #heardOrLate(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, this.#port.answerMs);
    });
    clearTimeout(timer);
    this.#wake = null;
  }
}

/** An outcome whose tap is over: nothing is in the field that it speaks of. */
export class LateOutcome implements CardSession, KernelSession {
  readonly uid: Uint8Array = new Uint8Array(0);
  readonly modelledUs: number = 0;
  readonly isLate: boolean = true;
  readonly amountMinor: null = null;
  readonly hasApdus: boolean = false;
  readonly #outcome: KernelOutcome;
  readonly #settled: (isSettled: boolean) => void;

  constructor(outcome: KernelOutcome, settled: (isSettled: boolean) => void) {
    this.#outcome = outcome;
    this.#settled = settled;
  }

  get kernel(): KernelSession {
    return this;
  }

  async transceive(): Promise<null> {
    return null;
  }

  async outcome(): Promise<KernelOutcome> {
    return this.#outcome;
  }

  settle(isSettled: boolean): void {
    this.#settled(isSettled);
  }

  show(): void {}

  async release(): Promise<void> {}
}

/**
 * One connection to a certified kernel (docs/kernel-reader.md): who it is, what it was told to take
 * and the card at it. One `start` is out at a time and ends with `removed` or `cancelled`; its tap
 * is named by session and number, so that nothing that belongs to another is taken for it.
 */
import { randomBytes } from 'node:crypto';
import type { KernelOutcome } from '../../../engine/card/qpboc/kernel.ts';
import { KERNEL_LINE_BYTES_MAX } from '../../../engine/card-limits.ts';
import { BANK_TAP_DEADLINE_MS, KERNEL_RENEW_MS } from '../../../engine/durations.ts';
import { FaregateError } from '../../../engine/errors.ts';
import type { ByteLink, ByteLinkSource, ByteListener } from '../byte-link.ts';
import type { KernelOffer, NoticeTaker } from '../reader.ts';
import { type CardPort, KernelCard } from './card.ts';
import {
  type GateMessage,
  hexOf,
  KERNEL_PROTOCOL,
  type KernelHello,
  lineOf,
  type ReaderMessage,
  readMessage,
  type StartTerms,
} from './message.ts';

/** What a link tells its reader. */
export interface LinkHost {
  readonly onNotice: NoticeTaker;
  readonly answerMs: number;
  readonly pingMs: number;
  /** The only certificate that is accepted; null: each is. */
  readonly certificate: string | null;
  arrived(card: KernelCard): void;
  late(tap: string, outcome: KernelOutcome): void;
  taken(tap: string, outcome: KernelOutcome): void;
  failed(link: KernelLink, error: FaregateError): void;
}

/** A `start` that is not over. */
interface Tap {
  readonly id: string;
  readonly terms: StartTerms;
  readonly sentMs: number;
  state: 'armed' | 'cancelling' | 'card';
  card: KernelCard | null;
  isRemoved: boolean;
  isReleased: boolean;
}

const NEW_LINE = 0x0a;

export class KernelLink implements ByteListener {
  readonly #name: string;
  readonly #host: LinkHost;
  readonly #session = randomBytes(8).toString('hex');
  #link: ByteLink | null = null;
  #rest: Uint8Array = new Uint8Array(0);
  #hello: KernelHello | null = null;
  #opened: ((failure: FaregateError | null) => void) | null = null;
  #isOver = false;
  #isQuiet = false;
  #pinging: NodeJS.Timeout | undefined;
  #cancelling: NodeJS.Timeout | undefined;
  #offer: KernelOffer | null = null;
  #tap: Tap | null = null;
  #taps = 0;
  /** Why the kernel takes no cards; null: it does. */
  #out: string | null = null;

  constructor(name: string, host: LinkHost) {
    this.#name = name;
    this.#host = host;
  }

  /**
   * Connects, and waits until the kernel has said who it is and brought what it still had.
   * @throws FaregateError READER_FAILED naming the link and what is wrong
   */
  async open(source: ByteLinkSource): Promise<void> {
    const opening = new Promise<FaregateError | null>((resolve) => {
      this.#opened = resolve;
    });
    this.#link = await source.open(this);
    const timer = setTimeout(() => this.#fail('no kernel answers'), this.#host.answerMs);
    // Ends what an earlier session may have left half said.
    this.#link.write(Uint8Array.of(NEW_LINE));
    this.#send({ type: 'hello', protocol: KERNEL_PROTOCOL, session: this.#session });
    const failure = await opening;
    clearTimeout(timer);
    this.#opened = null;
    if (failure) throw failure;
    this.#pinging = setInterval(() => this.#ping(), this.#host.pingMs);
    const { kernel: name, certificate } = this.#hello!;
    this.#host.onNotice({ notice: 'kernel', name, certificate });
  }

  /** What the next card is to pay, as it stands now; null: take none. */
  offer(offer: KernelOffer | null): void {
    this.#offer = offer;
    this.#reconcile();
  }

  /** This outcome need not be brought again. */
  take(tap: string): void {
    this.#send({ type: 'taken', tap });
  }

  close(): void {
    this.#isOver = true;
    clearInterval(this.#pinging);
    clearTimeout(this.#cancelling);
    this.#link?.close();
    this.#tap?.card?.leave();
  }

  onBytes(chunk: Uint8Array): void {
    this.#isQuiet = false;
    let begin = 0;
    for (;;) {
      const end = chunk.indexOf(NEW_LINE, begin);
      if (this.#isOver) return;
      if (this.#rest.length + (end < 0 ? chunk.length : end) - begin > KERNEL_LINE_BYTES_MAX) {
        this.#fail(`a line longer than ${KERNEL_LINE_BYTES_MAX} bytes`);
        return;
      }
      const part = chunk.subarray(begin, end < 0 ? undefined : end);
      const line = this.#rest.length === 0 ? part : Buffer.concat([this.#rest, part]);
      if (end < 0) {
        this.#rest = Uint8Array.from(line);
        return;
      }
      this.#rest = new Uint8Array(0);
      this.#take(Buffer.from(line).toString('utf8').trim());
      begin = end + 1;
    }
  }

  onEnd(why: string): void {
    this.#fail(why);
  }

  #take(line: string): void {
    if (line === '') return;
    const message = readMessage(line);
    if (message === null) return;
    if (typeof message === 'string') {
      // Before it has said hello, the end of something older may be on the line.
      if (this.#hello) this.#fail(message);
    } else if (message.type === 'hello') this.#meet(message);
    else if (this.#hello) this.#heed(message);
  }

  #meet(hello: KernelHello): void {
    if (hello.session !== this.#session || this.#hello) return;
    const { certificate } = this.#host;
    if (certificate !== null && hello.certificate !== certificate) {
      this.#fail(`certificate ${hello.certificate}, not ${certificate}`);
      return;
    }
    this.#hello = hello;
    this.#send({ type: 'ping' });
  }

  #heed(message: Exclude<ReaderMessage, KernelHello>): void {
    switch (message.type) {
      case 'pong':
        this.#opened?.(null);
        return;
      case 'health':
        this.#heedHealth(message.kernel, message.text);
        return;
      case 'error':
        if (message.code === 'device') this.#fail(`the reader: ${message.text}`);
        else this.#host.onNotice({ notice: message.code });
        return;
      case 'outcome': {
        const { tap, type: _, ...outcome } = message;
        const isHeard = this.#tapOf(tap)?.card?.hear(outcome) ?? false;
        if (!isHeard) this.#host.late(tap, outcome);
        return;
      }
      default: {
        const tap = this.#tapOf(message.tap);
        if (tap) this.#heedCard(tap, message);
      }
    }
  }

  #heedCard(
    tap: Tap,
    message: Extract<ReaderMessage, { type: 'card' | 'apdu' | 'removed' | 'cancelled' }>,
  ): void {
    const { card } = tap;
    if (message.type === 'card') {
      if (card) return;
      clearTimeout(this.#cancelling);
      tap.state = 'card';
      tap.card = new KernelCard(this.#portOf(tap), tap.terms, tap.id, message.uid);
      this.#host.arrived(tap.card);
    } else if (message.type === 'apdu') card?.answered(message.number, message.data);
    else if (message.type === 'removed') {
      if (!card) return;
      card.leave();
      tap.isRemoved = true;
      this.#endIfOver(tap);
    } else if (tap.state === 'cancelling') {
      clearTimeout(this.#cancelling);
      this.#tap = null;
      this.#reconcile();
    } else card?.leave();
  }

  #heedHealth(isWell: boolean, text: string): void {
    if (isWell === (this.#out === null)) return;
    this.#out = isWell ? null : text;
    this.#host.onNotice(isWell ? { notice: 'kernelBack' } : { notice: 'kernelOut', why: text });
    this.#reconcile();
  }

  #portOf(tap: Tap): CardPort {
    const { answerMs } = this.#host;
    return {
      answerMs,
      send: (message) => this.#send(message),
      released: () => {
        tap.isReleased = true;
        this.#endIfOver(tap);
      },
      late: (id, outcome) => this.#host.late(id, outcome),
      taken: (id, outcome) => this.#host.taken(id, outcome),
    };
  }

  #tapOf(id: string): Tap | null {
    return this.#tap?.id === id ? this.#tap : null;
  }

  #endIfOver(tap: Tap): void {
    if (!tap.isRemoved || !tap.isReleased || this.#tap !== tap) return;
    this.#tap = null;
    this.#reconcile();
  }

  /** Has what is wanted told to the kernel, once nothing else is under way. */
  #reconcile(): void {
    if (this.#isOver || !this.#hello || this.#opened) return;
    const offer = this.#offer;
    const tap = this.#tap;
    const terms = offer && termsOf(offer, this.#hello.apdu, this.#out === null);
    if (!tap) {
      if (terms) this.#start(terms, hexOf(offer!.dateTime));
      return;
    }
    if (tap.state !== 'armed') return;
    const isFresh = performance.now() - tap.sentMs < KERNEL_RENEW_MS;
    if (terms && isFresh && JSON.stringify(terms) === JSON.stringify(tap.terms)) return;
    tap.state = 'cancelling';
    this.#send({ type: 'cancel', tap: tap.id });
    const late = () => this.#fail('no answer to cancel');
    this.#cancelling = setTimeout(late, this.#host.answerMs);
  }

  #start(terms: StartTerms, dateTime: string): void {
    this.#taps += 1;
    const id = `${this.#session}-${this.#taps}`;
    const sentMs = performance.now();
    this.#tap = {
      id,
      terms,
      sentMs,
      state: 'armed',
      card: null,
      isRemoved: false,
      isReleased: false,
    };
    this.#send({ type: 'start', tap: id, dateTime, ...terms });
  }

  #ping(): void {
    if (this.#isQuiet) this.#fail('no sign of life');
    else this.#send({ type: 'ping' });
    this.#isQuiet = true;
  }

  #send(message: GateMessage): void {
    if (!this.#isOver) this.#link?.write(lineOf(message));
  }

  #fail(why: string): void {
    if (this.#isOver) return;
    const failure = new FaregateError('READER_FAILED', `${this.#name}: ${why}`);
    this.close();
    if (this.#opened) this.#opened(failure);
    else this.#host.failed(this, failure);
  }
}

/** What a kernel is told of an offer. */
function termsOf(offer: KernelOffer, hasApdus: boolean, isWell: boolean): StartTerms {
  const { families, terminalId } = offer;
  const purchase = isWell && families.includes('bank') ? offer.purchase : null;
  const asksOthers = hasApdus && families.some((family) => family !== 'bank');
  const steps =
    families[0] === 'bank' ? (['kernel', 'apdu'] as const) : (['apdu', 'kernel'] as const);
  return {
    order: steps.filter((step) => (step === 'kernel' ? purchase !== null : asksOthers)),
    amountMinor: purchase?.amountMinor ?? null,
    currency: purchase?.currency ?? null,
    country: purchase?.country ?? null,
    transactionType: purchase?.transactionType ?? null,
    qualifiers: purchase ? hexOf(purchase.qualifiers) : null,
    terminalId: hexOf(terminalId),
    deadlineMs: BANK_TAP_DEADLINE_MS,
  };
}

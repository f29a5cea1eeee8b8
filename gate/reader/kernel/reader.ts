/**
 * A reader whose own certified kernel drives bank cards (docs/kernel-reader.md): cards as they
 * come, and before them whatever outcomes came too late. Those are kept here until the gate has
 * recorded them, and at the kernel until it has been told so: an approval is told again and again,
 * over broken links and restarts, and taken once.
 */
import { type KernelOutcome, kernelTransaction } from '../../../engine/card/qpboc/kernel.ts';
import { KERNEL_LATE_MAX, KERNEL_TAKEN_KEPT } from '../../../engine/card-limits.ts';
import {
  KERNEL_LATE_PAUSE_MS,
  KERNEL_PING_MS,
  READER_ANSWER_MS_MAX,
} from '../../../engine/durations.ts';
import type { FaregateError } from '../../../engine/errors.ts';
import type { ByteLinkSource } from '../byte-link.ts';
import { Connection, type ReaderOptions } from '../connection.ts';
import type { CardSession, KernelOffer, NoticeTaker, Reader } from '../reader.ts';
import { type KernelCard, LateOutcome } from './card.ts';
import { KernelLink, type LinkHost } from './link.ts';

export class KernelReader implements Reader, LinkHost {
  readonly name: string;
  readonly onNotice: NoticeTaker;
  readonly answerMs: number;
  readonly pingMs: number;
  readonly certificate: string | null;
  readonly #connections: Connection<KernelLink>;
  readonly #late = new Map<string, KernelOutcome>();
  readonly #taken = new Set<string>();
  #lateFromMs = 0;
  #offer: KernelOffer | null = null;
  /** The link that is up. */
  #link: KernelLink | null = null;
  #arrived: KernelCard | null = null;
  #session: CardSession | null = null;
  #wake: (() => void) | null = null;

  /** @throws FaregateError READER_FAILED where no kernel answers */
  static async open(
    name: string,
    source: ByteLinkSource,
    options: ReaderOptions,
  ): Promise<KernelReader> {
    const reader = new KernelReader(name, source, options);
    await reader.#connections.start();
    return reader;
  }

  private constructor(name: string, source: ByteLinkSource, options: ReaderOptions) {
    this.name = name;
    this.onNotice = options.onNotice ?? (() => {});
    this.answerMs = options.answerMs ?? READER_ANSWER_MS_MAX;
    this.pingMs = options.kernelPingMs ?? KERNEL_PING_MS;
    this.certificate = options.kernelCertificate ?? null;
    this.#connections = new Connection(async () => {
      const link = new KernelLink(name, this);
      // What it brings while it opens is answered over it already.
      this.#link = link;
      await link.open(source);
      return link;
    }, options);
  }

  async *cards(): AsyncGenerator<CardSession, void, undefined> {
    for (;;) {
      const link = await this.#connections.get();
      if (!link) return;
      this.#connections.worked();
      const session = this.#nextLate() ?? this.#arrived;
      if (!session) {
        link.offer(this.#offer);
        await new Promise<void>((wake) => {
          this.#wake = wake;
        });
        this.#wake = null;
        continue;
      }
      if (session === this.#arrived) this.#arrived = null;
      this.#session = session;
      try {
        yield session;
      } finally {
        await session.release();
        this.#session = null;
      }
    }
  }

  offer(offer: KernelOffer | null): void {
    this.#offer = offer;
    this.#link?.offer(offer);
    if (this.#late.size > 0) this.#wake?.();
  }

  async close(): Promise<void> {
    const link = this.#connections.close();
    await this.#session?.release();
    await this.#arrived?.release();
    link?.offer(null);
    link?.close();
    this.#wake?.();
  }

  arrived(card: KernelCard): void {
    this.#arrived = card;
    this.#wake?.();
  }

  /** An outcome that no tap waits for. Only what a card has paid by is worth keeping. */
  late(tap: string, outcome: KernelOutcome): void {
    if (this.#taken.has(tap)) this.#link?.take(tap);
    else if (outcome.verdict !== 'approved' || this.#isUnreadable(outcome))
      this.taken(tap, outcome);
    else if (this.#late.size < KERNEL_LATE_MAX) this.#late.set(tap, outcome);
    this.#wake?.();
  }

  taken(tap: string, outcome: KernelOutcome): void {
    const why = outcome.verdict === 'approved' ? kernelTransaction(outcome) : null;
    if (typeof why === 'string') this.onNotice({ notice: 'outcomeUnreadable', tap, why });
    // Only an approval is told again and again; another verdict must not hide one that follows it.
    if (outcome.verdict === 'approved') {
      if (this.#taken.size === KERNEL_TAKEN_KEPT) {
        this.#taken.delete(this.#taken.values().next().value!);
      }
      this.#taken.add(tap);
    } else if (this.#late.has(tap)) return;
    this.#link?.take(tap);
  }

  failed(link: KernelLink, error: FaregateError): void {
    this.#link = null;
    this.#connections.lost(link, error);
    this.#wake?.();
  }

  #isUnreadable(outcome: KernelOutcome): boolean {
    return typeof kernelTransaction(outcome) === 'string';
  }

  /** The oldest outcome that waits to be recorded, where there is room for it. */
  #nextLate(): LateOutcome | null {
    const [first] = this.#late;
    if (!first || !this.#offer?.hasRoom || performance.now() < this.#lateFromMs) return null;
    const [tap, outcome] = first;
    return new LateOutcome(outcome, (isSettled) => {
      if (!isSettled) {
        this.#lateFromMs = performance.now() + KERNEL_LATE_PAUSE_MS;
        return;
      }
      this.#late.delete(tap);
      this.taken(tap, outcome);
    });
  }
}

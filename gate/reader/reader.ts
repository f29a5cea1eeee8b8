/**
 * The reader port: a link to cards. One file per link implements it (`open.ts` lists them), and one
 * suite (`test/suites/reader.ts`) runs over all of them.
 */

import type { KernelOutcome } from '../../engine/card/qpboc/kernel.ts';
import type { CardFamily } from '../../engine/tap/setting.ts';
import type { Signal } from '../barrier/signals.ts';

/** A card in the field, until it leaves or is released. */
export interface CardSession {
  /** Anticollision identifier; empty where the link has none. */
  readonly uid: Uint8Array;
  /**
   * Time in microseconds that a card model says has passed on the air and in the card but that was
   * not really waited for; 0 for links to real cards. Grows with each `transceive`.
   */
  readonly modelledUs: number;
  /**
   * Sends a C-APDU once; answers data ‖ SW1 ‖ SW2, or null when no answer can come any more: the
   * card has gone, or the reader has (then always null). A tap treats both alike, since it cannot
   * know in either case whether the card got the command. The link handles its own framing; 61xx
   * and 6Cxx are left to the caller.
   */
  transceive(apdu: Uint8Array): Promise<Uint8Array | null>;
  /** Ends the session; the reader then waits for the card's removal. Never throws. */
  release(): Promise<void>;
  /** At a reader whose own certified kernel drives bank cards; absent: at any other. */
  readonly kernel?: KernelSession;
}

/** What a certified kernel makes of a card (docs/kernel-reader.md). */
export interface KernelSession {
  /** What it was told to take; null: it was not to take any. */
  readonly amountMinor: number | null;
  /** Whether `transceive` reaches the card; else the kernel alone does. */
  readonly hasApdus: boolean;
  /** The tap was over before this outcome came: no card is there, and nothing may open. */
  readonly isLate: boolean;
  /** Lets the kernel go on where it waited for the gate; null: nothing came, or not in time. */
  outcome(): Promise<KernelOutcome | null>;
  /**
   * The gate has done what it can with the outcome.
   * @param isSettled all of it that counts is durable; else it is brought again as a late one
   */
  settle(isSettled: boolean): void;
  /** What the rider is shown. Never throws. */
  show(signal: Signal & { readonly open: boolean; readonly reason: string }): void;
}

/** What a gate wants of the next card, for a reader with a kernel. */
export interface KernelOffer {
  /** What the kernel is to take; null: nothing. */
  readonly purchase: KernelPurchase | null;
  /** Those that are taken here, in the order in which a card is asked for them. */
  readonly families: readonly CardFamily[];
  /** Whether the journal has room, so that late outcomes can be brought. */
  readonly hasRoom: boolean;
  /** YYYYMMDDhhmmss by the gate's clock and zone, 7 BCD bytes. */
  readonly dateTime: Uint8Array;
  /** 6 bytes. */
  readonly terminalId: Uint8Array;
}

export interface KernelPurchase {
  readonly amountMinor: number;
  /** ISO 4217 and ISO 3166 numbers. */
  readonly currency: number;
  readonly country: number;
  /** 9C. */
  readonly transactionType: number;
  /** 9F66, 4 bytes. */
  readonly qualifiers: Uint8Array;
}

export interface Reader {
  /** For messages: `tcp-listen:35963`, `virtual`. */
  readonly name: string;
  /** Cards as they come, one at a time; ends when the reader is closed. */
  cards(): AsyncIterable<CardSession>;
  /**
   * Of a reader with a kernel: what the next card is to pay. Given again and again, whether or not
   * it has changed; null: no card is to be taken. Must return at once.
   */
  offer?(offer: KernelOffer | null): void;
  close(): Promise<void>;
}

/** What a reader has to say besides cards; each is said once, when it begins. */
export type ReaderNotice =
  /** The reader has vanished or does not answer; it is looked for until it is `back`. */
  | { readonly notice: 'away'; readonly why: string }
  | { readonly notice: 'back' }
  /** Several cards are in the field. None is taken before the field has been empty. */
  | { readonly notice: 'severalCards' }
  /** What is in the field does not speak ISO 14443-4, or not to this reader. */
  | { readonly notice: 'unreadable' }
  /** A kernel has said who it is. */
  | { readonly notice: 'kernel'; readonly name: string; readonly certificate: string }
  /** The kernel takes no cards any more, and does again; the reader itself is there. */
  | { readonly notice: 'kernelOut'; readonly why: string }
  | { readonly notice: 'kernelBack' }
  /** A card may have paid, and what the kernel says of it cannot be recorded. */
  | { readonly notice: 'outcomeUnreadable'; readonly tap: string; readonly why: string };

/** Takes a reader's notices; must return at once. */
export type NoticeTaker = (notice: ReaderNotice) => void;

/** A notice for staff, in words. */
export function noticeText(notice: ReaderNotice): string {
  switch (notice.notice) {
    case 'away':
      return `the reader is away: ${notice.why}`;
    case 'back':
      return 'the reader is back';
    case 'severalCards':
      return 'several cards in the field: take them away and present one';
    case 'unreadable':
      return 'no card that can be read: take it away';
    case 'kernel':
      return `kernel ${notice.name}, certificate ${notice.certificate}`;
    case 'kernelOut':
      return `the kernel takes no cards: ${notice.why}`;
    case 'kernelBack':
      return 'the kernel takes cards again';
    case 'outcomeUnreadable':
      return `an approval that cannot be recorded, of tap ${notice.tap}: ${notice.why}`;
  }
}

/**
 * The reader port: a link to cards. One file per link implements it (`open.ts` lists them), and one
 * suite (`test/suites/reader.ts`) runs over all of them.
 */

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
}

export interface Reader {
  /** For messages: `tcp-listen:35963`, `virtual`. */
  readonly name: string;
  /** Cards as they come, one at a time; ends when the reader is closed. */
  cards(): AsyncIterable<CardSession>;
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
  | { readonly notice: 'unreadable' };

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
  }
}

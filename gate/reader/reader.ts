/**
 * The reader port: a link to cards. One file per link implements it (`tcp.ts`, `virtual/`), and one
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
   * Sends a C-APDU; answers data ‖ SW1 ‖ SW2, or null when the card has gone (then always null).
   * The link handles its own framing; 61xx and 6Cxx are left to the caller.
   * @throws FaregateError READER_FAILED when the link itself broke.
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

/** A virtual card of any family, as readers and simulations hold it into a field. */

export interface HeldCard {
  /** Anticollision identifier. */
  readonly uid: Uint8Array;
  /** Power was lost or came back: everything volatile is forgotten. */
  power(): void;
  /** Answers a C-APDU with data ‖ SW1 ‖ SW2; any bytes get an answer of at least 2. */
  transmit(apdu: Uint8Array): Uint8Array;
  /** Power is lost while the card works on `apdu`: all is computed and nothing committed. */
  loseDuring(apdu: Uint8Array): void;
}

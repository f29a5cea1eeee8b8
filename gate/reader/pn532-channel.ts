/** The port between a PN532 and what carries its commands: its own serial frames, or an ACR122. */

export interface ExchangeOptions {
  /** How long the answer may take once the command has arrived. */
  readonly timeoutMs: number;
  /**
   * Whether the command may be sent again when it is not known to have arrived. Never for what goes
   * to a card: a debit that was carried out and asked again would be refused, and look undone.
   */
  readonly repeatable: boolean;
}

export interface Pn532Channel {
  /** What one command holds after D4: its code and parameters. */
  readonly commandBytesMax: number;
  /**
   * Brings chip and carrier to where commands work.
   * @throws FaregateError READER_FAILED where nothing answers as it should.
   */
  wake(): Promise<void>;
  /**
   * Sends D4 ‖ `command`; gives what follows D5 and the answer's code, or null where no valid
   * answer came in time.
   * @throws FaregateError READER_FAILED when the link is over.
   */
  exchange(command: Uint8Array, options: ExchangeOptions): Promise<Uint8Array | null>;
  close(): void;
}

export const TO_CHIP = 0xd4;
export const FROM_CHIP = 0xd5;

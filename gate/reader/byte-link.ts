/**
 * A stream of bytes to a reader, whatever carries it: the port under the framed protocols. It can
 * be opened again and again, since readers are unplugged and come back.
 */

export interface ByteLink {
  /** Sends bytes, whole and in order. What cannot be sent is told by `onEnd`. */
  write(bytes: Uint8Array): void;
  /** Ends the link without a word to the listener. */
  close(): void;
}

export interface ByteListener {
  onBytes(chunk: Uint8Array): void;
  /** The link is over; called at most once. */
  onEnd(why: string): void;
}

export interface ByteLinkSource {
  /** For messages: the device or the address. */
  readonly name: string;
  /** @throws FaregateError READER_FAILED naming the link and what is wrong. */
  open(listener: ByteListener): Promise<ByteLink>;
}

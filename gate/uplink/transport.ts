/**
 * The transport port: how an uplink reaches its engine. `tls.ts` is the real one; tests put one in
 * between that drops, repeats and reorders.
 */

/** An open connection. Messages are whole frame bodies (`engine/wire`). */
export interface Link {
  /**
   * Sends one message; resolves when the link takes another.
   * @throws FaregateError UPLINK_FAILED when the link is broken.
   */
  send(message: Uint8Array): Promise<void>;
  /**
   * The engine's next message, in order; null once it has closed. One call at a time.
   * @throws FaregateError UPLINK_FAILED, GATE_REFUSED (the handshake was turned down),
   *   UPLOAD_MALFORMED, UPLOAD_TOO_LARGE (what came is no frame).
   */
  receive(): Promise<Uint8Array | null>;
  /** Drops the connection; a waiting `receive` answers null. Never throws. */
  close(): void;
}

export interface Transport {
  /** For messages: `engine.example:7580`. */
  readonly name: string;
  /**
   * Opens a connection; gives up when `signal` aborts.
   * @throws FaregateError UPLINK_FAILED, GATE_REFUSED.
   */
  connect(signal: AbortSignal): Promise<Link>;
}

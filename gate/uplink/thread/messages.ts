/** What the station's thread and the uplinks' thread say to each other. */
import type { ErrorCode } from '../../../engine/errors.ts';
import type { TlsOptions } from '../tls.ts';

/** A call to the uplinks' thread; each but `abort` and `close` is answered once, by its number. */
export type Call =
  | {
      readonly do: 'connect';
      readonly call: number;
      readonly link: number;
      readonly options: TlsOptions;
    }
  /** Gives a `connect` up, which then fails. */
  | { readonly do: 'abort'; readonly link: number }
  | {
      readonly do: 'send';
      readonly call: number;
      readonly link: number;
      readonly message: Uint8Array;
    }
  | { readonly do: 'receive'; readonly call: number; readonly link: number }
  | { readonly do: 'close'; readonly link: number };

/** `message` is that of a `receive`: null where the engine has closed. */
export interface Reply {
  readonly call: number;
  readonly message: Uint8Array | null;
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
}

/**
 * The bytes alone in a buffer of their own, to be handed over rather than copied: what they were
 * cut from may be a pool that others use.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

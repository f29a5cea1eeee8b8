/**
 * A command of a virtual DESFire card as all its commands are written: how it is framed and
 * protected, where it is taken, and what it does; and the statuses, the last byte of 91xx.
 */
import type { CardSide } from './session.ts';
import type { Application, DesfireState, Mode } from './state.ts';
import type { Pending } from './transaction.ts';

export const Status = {
  ok: 0x00,
  noChanges: 0x0c,
  illegalCommand: 0x1c,
  integrity: 0x1e,
  noSuchKey: 0x40,
  length: 0x7e,
  permissionDenied: 0x9d,
  parameter: 0x9e,
  noSuchApplication: 0xa0,
  authentication: 0xae,
  more: 0xaf,
  boundary: 0xbe,
  aborted: 0xca,
  disabled: 0xcd,
  noMore: 0xce,
  duplicate: 0xde,
  noSuchFile: 0xf0,
} as const;

/** What is selected: the card itself, or its application. */
export type Level = 'card' | 'application';

/** What a command works on. */
export interface Scene {
  readonly state: DesfireState;
  readonly level: Level | null;
  readonly side: CardSide | null;
  readonly pending: Pending;
}

/** Data of the answer, or a status; `state` where something is committed. */
export type Done =
  | { readonly data: Uint8Array; readonly state?: DesfireState; readonly ends?: boolean }
  | number;

export interface CardCommand {
  /** Where it is taken; none: in the application alone. */
  readonly level?: Level | 'both';
  readonly headerLength: number;
  readonly writes: boolean;
  /** Of the file or command; null: the file is not there. */
  readonly mode: (application: Application, header: Uint8Array) => Mode | null;
  /** Bytes of data that the header announces. */
  readonly dataLength: (header: Uint8Array) => number;
  readonly run: (scene: Scene, header: Uint8Array, data: Uint8Array, ins: number) => Done;
}

/**
 * Commands as a virtual card receives them, and its answers: short APDUs (ISO 7816-4), status words
 * and the names by which timing and tear plans speak of commands.
 */
import type { CardState } from './card-state.ts';

export interface Command {
  readonly cla: number;
  readonly ins: number;
  readonly p1: number;
  readonly p2: number;
  readonly data: Uint8Array;
  /** Bytes asked for: 1 to 256, or 0 where Le is absent or 00 (as much as there is). */
  readonly le: number;
}

const noData = new Uint8Array(0);

/** The command in `apdu`, or null where its lengths contradict each other. */
export function parseCommand(apdu: Uint8Array): Command | null {
  if (apdu.length < 4) return null;
  const [cla, ins, p1, p2] = apdu as unknown as [number, number, number, number];
  const lc = apdu.length > 5 ? apdu[4]! : 0;
  const rest = apdu.length - 5 - lc;
  if (apdu.length > 5 && (lc === 0 || rest < 0 || rest > 1)) return null;
  const data = lc === 0 ? noData : apdu.subarray(5, 5 + lc);
  const le = rest === 1 || apdu.length === 5 ? apdu[apdu.length - 1]! : 0;
  return { cla, ins, p1, p2, data, le };
}

/** A transaction that INITIALIZE opened; it lives until power, error or another command ends it. */
export type Transaction =
  | {
      readonly kind: 'purchase';
      /** 06 or 09 (CAPP). */
      readonly transactionType: number;
      readonly amountMinor: number;
      readonly terminalId: Uint8Array;
      readonly random: Uint8Array;
      /** The 15 bytes that INITIALIZE answered. */
      readonly initialized: Uint8Array;
      /** New journey record, once UPDATE CAPP DATA CACHE brought it. */
      readonly cache: Uint8Array | null;
    }
  | {
      readonly kind: 'load';
      readonly amountMinor: number;
      readonly terminalId: Uint8Array;
      readonly random: Uint8Array;
    };

/** What a command leads to. */
export interface Outcome {
  /** data ‖ SW1 ‖ SW2. */
  readonly response: Uint8Array;
  /** State to commit before the response goes out. */
  readonly state?: CardState;
  /** The transaction that is open afterwards; absent: none is. */
  readonly transaction?: Transaction;
}

export function status(sw: number): Outcome {
  return { response: Uint8Array.of(sw >>> 8, sw) };
}

/** `data` ‖ `sw`. */
export function answer(data: Uint8Array, sw = 0x9000): Uint8Array {
  const response = new Uint8Array(data.length + 2);
  response.set(data);
  response[data.length] = sw >>> 8;
  response[data.length + 1] = sw;
  return response;
}

/** Where a command's answer has one length: 6Cxx for another Le, before anything is done. */
export function wrongLe(command: Command, length: number): Outcome | null {
  return command.le === 0 || command.le === length ? null : status(0x6c00 | length);
}

/** Command names as the scheme's specification has them. */
export type CommandName =
  | 'SELECT'
  | 'READ BINARY'
  | 'READ RECORD'
  | 'GET CHALLENGE'
  | 'GET BALANCE'
  | 'INITIALIZE'
  | 'UPDATE'
  | 'DEBIT'
  | 'CREDIT'
  | 'PROVE'
  | 'CITY CODE'
  | 'AUTHENTICATE'
  | 'MORE'
  | 'GET VALUE'
  | 'READ RECORDS'
  | 'CHANGE VALUE'
  | 'WRITE RECORD'
  | 'COMMIT'
  | 'OPTIONS'
  | 'OTHER';

const namesByInstruction: ReadonlyMap<number, CommandName> = new Map([
  [0xa4, 'SELECT'],
  [0xb0, 'READ BINARY'],
  [0xb2, 'READ RECORD'],
  [0x84, 'GET CHALLENGE'],
  [0x5c, 'GET BALANCE'],
  [0x50, 'INITIALIZE'],
  [0xdc, 'UPDATE'],
  [0x54, 'DEBIT'],
  [0x52, 'CREDIT'],
  [0x5a, 'PROVE'],
  [0xca, 'CITY CODE'],
  [0xa8, 'OPTIONS'],
  // Of e-cash's extended application.
  [0xb4, 'READ RECORD'],
  [0xde, 'UPDATE'],
]);

/** DESFire's, which come wrapped in class 90. */
const desfireNames: ReadonlyMap<number, CommandName> = new Map([
  [0x5a, 'SELECT'],
  [0xaa, 'AUTHENTICATE'],
  [0x71, 'AUTHENTICATE'],
  [0x77, 'AUTHENTICATE'],
  [0xaf, 'MORE'],
  [0x6c, 'GET VALUE'],
  [0xbb, 'READ RECORDS'],
  [0xab, 'READ RECORDS'],
  [0xdc, 'CHANGE VALUE'],
  [0x0c, 'CHANGE VALUE'],
  [0x1c, 'CHANGE VALUE'],
  [0x3b, 'WRITE RECORD'],
  [0x8b, 'WRITE RECORD'],
  [0xc7, 'COMMIT'],
]);

export function commandName(apdu: Uint8Array): CommandName {
  const names = apdu[0] === 0x90 ? desfireNames : namesByInstruction;
  return names.get(apdu[1] ?? -1) ?? 'OTHER';
}

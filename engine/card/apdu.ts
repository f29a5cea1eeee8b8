/**
 * Short APDUs (ISO 7816-4, 5.1): commands of the four cases are built, responses are split into
 * data and status word. Bytes only; who sends them is the driver's business (`dialogue.ts`).
 */
import assert from 'node:assert/strict';
import { copyBytes } from '../bytes.ts';
import { APDU_COMMAND_BYTES_MAX, APDU_RESPONSE_BYTES_MAX } from '../card-limits.ts';

/** Lc and Le are one byte each: 255 data bytes go out, 256 come back. */
const COMMAND_DATA_BYTES_MAX = APDU_COMMAND_BYTES_MAX - 6;
const RESPONSE_DATA_BYTES_MAX = APDU_RESPONSE_BYTES_MAX - 2;

/** `le` of a command that expects no data. */
export const NO_LE = -1;
/** `le` of a command that takes all there is (byte 00). */
export const LE_ALL = 256;

/** Where the data of a command with Lc begins. */
export const COMMAND_DATA_AT = 5;

/**
 * A C-APDU. Case 1: no data, `NO_LE`. Case 2: no data, `le`. Case 3: data, `NO_LE`. Case 4: both.
 * `data` of at most 255 bytes, `le` 1 to 256.
 */
export function buildCommand(
  cla: number,
  ins: number,
  p1: number,
  p2: number,
  data: Uint8Array | null,
  le: number,
): Uint8Array {
  const dataLength = data === null ? 0 : data.length;
  assert(dataLength <= COMMAND_DATA_BYTES_MAX, 'data of a short APDU');
  assert(le === NO_LE || (le >= 1 && le <= RESPONSE_DATA_BYTES_MAX), 'Le of a short APDU');
  const lcBytes = dataLength === 0 ? 0 : 1;
  const apdu = new Uint8Array(4 + lcBytes + dataLength + (le === NO_LE ? 0 : 1));
  apdu[0] = cla;
  apdu[1] = ins;
  apdu[2] = p1;
  apdu[3] = p2;
  if (data !== null && dataLength > 0) {
    apdu[4] = dataLength;
    copyBytes(data, 0, apdu, COMMAND_DATA_AT, dataLength);
  }
  // 256 is written as 00, which the byte array does by itself.
  if (le !== NO_LE) apdu[apdu.length - 1] = le;
  return apdu;
}

/** The command again with another Le (1 to 256), as 6Cxx asks; Le is added where there was none. */
export function withLe(apdu: Uint8Array, le: number): Uint8Array {
  const hasData = apdu.length > 5;
  const bare = hasData ? COMMAND_DATA_AT + apdu[4]! : 4;
  const again = new Uint8Array(bare + 1);
  copyBytes(apdu, 0, again, 0, bare);
  again[bare] = le;
  return again;
}

/** Whether the length is that of a short response: status word and at most 256 data bytes. */
export function isResponse(response: Uint8Array): boolean {
  return response.length >= 2 && response.length <= APDU_RESPONSE_BYTES_MAX;
}

/** Status word of a response of at least 2 bytes. */
export function statusWord(response: Uint8Array): number {
  const end = response.length;
  return (response[end - 2]! << 8) | response[end - 1]!;
}

/** Length of a response's data. */
export function dataLength(response: Uint8Array): number {
  return response.length - 2;
}

/** From this length on, one call costs less than a loop. */
const LONG_BYTES = 16;

/**
 * A copy of `length` bytes. Copies outlive the reader's buffer, and for the few bytes of a card's
 * field cost less than a view (`subarray` makes the engine move a small array off its heap).
 */
export function take(bytes: Uint8Array, at: number, length: number): Uint8Array {
  // Not `bytes.slice`: that of a Buffer, which a link may hand over, is a view.
  if (length > LONG_BYTES) return Uint8Array.prototype.slice.call(bytes, at, at + length);
  const copy = new Uint8Array(length);
  copyBytes(bytes, at, copy, 0, length);
  return copy;
}

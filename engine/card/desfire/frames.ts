/**
 * Native DESFire commands wrapped in ISO 7816-4: 90 INS 00 00 [Lc data] 00, answered data ‖ 91 SS.
 * What does not fit one frame goes on after 91AF, both ways, with 90 AF. A MAC covers the data of
 * all frames together.
 */
import { copyBytes } from '../../bytes.ts';
import {
  APDU_COMMAND_BYTES_MAX,
  DESFIRE_ANSWER_BYTES_MAX,
  DESFIRE_FRAMES_MAX,
} from '../../card-limits.ts';
import { invariant } from '../../invariant.ts';
import { COMMAND_DATA_AT, isResponse, statusWord } from '../apdu.ts';
import type { Answer } from '../dialogue.ts';
import { askOf } from '../exchange.ts';
import { gone, malformed, notResponse, refused } from '../status.ts';
import type { DesfireDialogue, DesfireFault } from './asks.ts';
import { type DesfireCommand, desfireCommand, SW_DESFIRE_OK, SW_MORE } from './statuses.ts';

/** Of one command, over all its frames. */
const COMMAND_BYTES_MAX = APDU_COMMAND_BYTES_MAX - 6;

const CLA = 0x90;
const INS_MORE = 0xaf;

/** A buffer for one command: header, the longest data with what protects it, Le. */
export function commandBuffer(): Uint8Array {
  return new Uint8Array(APDU_COMMAND_BYTES_MAX + 24);
}

/**
 * Wraps the command whose `length` bytes stand at `COMMAND_DATA_AT` of a buffer; the APDU is a view.
 */
export function wrapped(buffer: Uint8Array, ins: number, length: number): Uint8Array {
  invariant(length <= COMMAND_BYTES_MAX, 'a command of one short APDU');
  buffer[0] = CLA;
  buffer[1] = ins;
  buffer[2] = 0;
  buffer[3] = 0;
  buffer[4] = length;
  const end = length === 0 ? 4 : COMMAND_DATA_AT + length;
  buffer[end] = 0;
  return buffer.subarray(0, end + 1);
}

/** Whether an answer is the only frame of a command that was done. */
export function isDone(answer: Answer): answer is Uint8Array {
  const response = answer as Uint8Array | null;
  return response !== null && isResponse(response) && statusWord(response) === SW_DESFIRE_OK;
}

/**
 * Sends the command in `buffer` and gathers its answer: data of all frames ‖ 9100, or a fault. A
 * card with more frames than `DESFIRE_FRAMES_MAX` or more data than `DESFIRE_ANSWER_BYTES_MAX` is
 * `malformed`.
 * @param frameBytes data that one frame of this card takes.
 */
export function* exchangeFrames(
  command: DesfireCommand,
  buffer: Uint8Array,
  length: number,
  frameBytes: number,
  meanwhile: (() => void) | null,
): DesfireDialogue<Uint8Array | DesfireFault> {
  if (length <= frameBytes) {
    const answer = yield askOf(command, wrapped(buffer, command.ins, length), meanwhile);
    return isDone(answer) ? answer : yield* gathered(command, answer);
  }
  const body = buffer.slice(COMMAND_DATA_AT, COMMAND_DATA_AT + length);
  for (let from = 0; ; from += frameBytes) {
    const part = Math.min(frameBytes, length - from);
    copyBytes(body, from, buffer, COMMAND_DATA_AT, part);
    const apdu = wrapped(buffer, from === 0 ? command.ins : INS_MORE, part);
    const answer = yield askOf(command, apdu, from === 0 ? meanwhile : null);
    if (from + part === length) return isDone(answer) ? answer : yield* gathered(command, answer);
    const fault = frameFault(command, answer);
    if (fault) return fault;
    const response = answer as Uint8Array;
    if (statusWord(response) !== SW_MORE || response.length > 2) {
      return malformed(command, 'an answer before the command was whole');
    }
  }
}

/** The whole answer, from its first frame on, or a fault. */
export function* gathered(
  command: DesfireCommand,
  first: Answer,
): DesfireDialogue<Uint8Array | DesfireFault> {
  const parts: Uint8Array[] = [];
  let bytes = 2;
  let answer = first;
  for (let frames = 1; ; frames++) {
    const fault = frameFault(command, answer);
    if (fault) return fault;
    const response = answer as Uint8Array;
    parts.push(response.slice(0, response.length - 2));
    bytes += response.length - 2;
    if (bytes > DESFIRE_ANSWER_BYTES_MAX) {
      return malformed(command, `more than ${DESFIRE_ANSWER_BYTES_MAX} bytes`);
    }
    if (statusWord(response) === SW_DESFIRE_OK) break;
    if (frames === DESFIRE_FRAMES_MAX) {
      return malformed(command, `more than ${DESFIRE_FRAMES_MAX} frames`);
    }
    answer = yield askOf(command, Uint8Array.of(CLA, INS_MORE, 0, 0, 0), null);
  }
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  whole[at] = 0x91;
  return whole;
}

/** Null for a frame that is done or has more to follow. */
export function frameFault(command: DesfireCommand, answer: Answer): DesfireFault | null {
  const response = answer as Uint8Array | null;
  if (response === null) return gone(command);
  if (!isResponse(response)) return notResponse(command, response.length);
  const sw = statusWord(response);
  return sw === SW_DESFIRE_OK || sw === SW_MORE ? null : refused(command, sw);
}

/** For the halves of an authentication, which go on with 90 AF. */
export const more: DesfireCommand = desfireCommand('Authenticate, part 2', INS_MORE);

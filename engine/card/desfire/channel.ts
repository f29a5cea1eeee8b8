/**
 * One command through the session that is open: protected, sent, and its answer checked. Every
 * command of a session goes through here, in plain mode too, since each moves EV2's counter and
 * EV1's chain of MACs.
 */
import { dataLength, take } from '../apdu.ts';
import { wrongLength } from '../status.ts';
import type { CommMode, DesfireDialogue, DesfireFault, ForgedReason } from './asks.ts';
import { commandBuffer, exchangeFrames } from './frames.ts';
import type { DesfireCommand } from './statuses.ts';

/** A card as a dialogue speaks with it; one gate's own, for one card at a time. */
export interface Channel {
  /** Header and data of the next command are written at `COMMAND_DATA_AT`. */
  readonly buffer: Uint8Array;
  /** The session that is open. */
  session: 'none' | 'ev1' | 'ev2';
  /** Data that one frame to the card holds. */
  frameBytes: number;
}

/** EV1's frame of 60 bytes, in an APDU. */
const FRAME_BYTES = 54;

export function makeChannel(): Channel {
  return { buffer: commandBuffer(), session: 'none', frameBytes: FRAME_BYTES };
}

/**
 * Sends the command in the channel's buffer.
 * @param mode of the file, or of the command where it is of no file.
 * @param answerBytes bytes of its plain answer, -1 where there is no one length.
 * @returns the plain data of the answer, a copy.
 */
export function* exchange(
  channel: Channel,
  command: DesfireCommand,
  headerLength: number,
  dataBytes: number,
  mode: CommMode,
  answerBytes: number,
  meanwhile: (() => void) | null = null,
): DesfireDialogue<Uint8Array | DesfireFault> {
  const { buffer, session } = channel;
  let length = headerLength + dataBytes;
  if (session !== 'none') {
    length = (yield {
      ask: 'aesProtect',
      ins: command.ins,
      bytes: buffer,
      at: 5,
      headerLength,
      dataLength: dataBytes,
      mode: session === 'ev1' && !command.writes ? 'plain' : mode,
    }) as number;
  }
  const { frameBytes } = channel;
  const response = yield* exchangeFrames(command, buffer, length, frameBytes, meanwhile);
  if ('fault' in response) {
    channel.session = 'none';
    return response;
  }
  if (session === 'none') {
    const bytes = dataLength(response);
    if (answerBytes >= 0 && bytes !== answerBytes) return wrongLength(command, bytes, answerBytes);
    return take(response, 0, bytes);
  }
  return yield* unprotected(channel, command, response, mode, answerBytes);
}

/**
 * Takes an answer's protection off, in the session that is open.
 * @param response data of all frames ‖ MAC ‖ 9100; the other parameters are those of `exchange`.
 */
export function* unprotected(
  channel: Channel,
  command: DesfireCommand,
  response: Uint8Array,
  mode: CommMode,
  answerBytes: number,
): DesfireDialogue<Uint8Array | DesfireFault> {
  const plain = (yield {
    ask: 'aesUnprotect',
    response,
    mode: channel.session === 'ev1' ? 'mac' : mode,
    expected: answerBytes,
  }) as Uint8Array | ForgedReason;
  if (typeof plain !== 'string') return plain;
  channel.session = 'none';
  return { fault: 'forged', command: command.name, why: plain };
}

/**
 * One command through the session that is open: protected, sent, and its answer checked. Every
 * command of a session goes through here, in plain mode too, since each moves EV2's counter and
 * EV1's chain of MACs.
 */
import { dataLength, take } from '../apdu.ts';
import type { Answer } from '../dialogue.ts';
import { askOf } from '../exchange.ts';
import { wrongLength } from '../status.ts';
import type {
  AesAnswer,
  AesAsk,
  CommMode,
  DesfireDialogue,
  DesfireFault,
  ForgedReason,
} from './asks.ts';
import { commandBuffer, exchangeFrames, gathered, isDone, wrapped } from './frames.ts';
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
  let response: Uint8Array | DesfireFault;
  if (length <= frameBytes) {
    // Not by `exchangeFrames`: this is every command of a tap, and without this generator and that
    // of `unprotected` its host work is a twentieth less.
    const answer = yield askOf(command, wrapped(buffer, command.ins, length), meanwhile);
    response = isDone(answer) ? answer : yield* gathered(command, answer);
  } else {
    response = yield* exchangeFrames(command, buffer, length, frameBytes, meanwhile);
  }
  if ('fault' in response) {
    channel.session = 'none';
    return response;
  }
  if (session === 'none') {
    const bytes = dataLength(response);
    if (answerBytes >= 0 && bytes !== answerBytes) return wrongLength(command, bytes, answerBytes);
    return take(response, 0, bytes);
  }
  const plain = yield unprotectAsk(channel, response, mode, answerBytes);
  return plainOf(channel, command, plain);
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
  const plain = yield unprotectAsk(channel, response, mode, answerBytes);
  return plainOf(channel, command, plain);
}

function unprotectAsk(
  { session }: Channel,
  response: Uint8Array,
  mode: CommMode,
  expected: number,
): AesAsk {
  return { ask: 'aesUnprotect', response, mode: session === 'ev1' ? 'mac' : mode, expected };
}

function plainOf(
  channel: Channel,
  command: DesfireCommand,
  answer: Answer | AesAnswer,
): Uint8Array | DesfireFault {
  const plain = answer as Uint8Array | ForgedReason;
  if (typeof plain !== 'string') return plain;
  channel.session = 'none';
  return { fault: 'forged', command: command.name, why: plain };
}

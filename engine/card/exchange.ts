/**
 * One command and its whole answer: GET RESPONSE after 61xx and the repeat after 6Cxx (ISO 7816-4,
 * 5.3.4) happen here, so that no dialogue of a card family sees them. A dialogue is written
 *
 *     const answer = yield askOf(command, apdu, meanwhile);
 *     const response = isWhole(answer) ? answer : yield* complete(command, apdu, answer);
 *     if ('fault' in response) return response;
 */
import { copyBytes } from '../bytes.ts';
import { APDU_FOLLOW_UPS_MAX } from '../card-limits.ts';
import { buildCommand, isResponse, LE_ALL, statusWord, withLe } from './apdu.ts';
import type { Answer, CardAsk, CardFault, Dialogue } from './dialogue.ts';
import { type CardCommand, gone, malformed, notResponse } from './status.ts';

/** The ask for one command. */
export function askOf(
  command: CardCommand,
  apdu: Uint8Array,
  meanwhile: (() => void) | null,
): CardAsk {
  return { ask: 'card', command: command.name, apdu, meanwhile };
}

/**
 * Whether the answer to a command is a response that needs nothing more: 2 to 258 bytes, not 61xx
 * or 6Cxx. That is nearly every answer, so dialogues ask here before they enter `complete`: a
 * generator within a generator costs more than all else they do.
 */
export function isWhole(answer: Answer): answer is Uint8Array {
  const response = answer as Uint8Array | null;
  return response !== null && isResponse(response) && !wantsFollowUp(response);
}

function wantsFollowUp(response: Uint8Array): boolean {
  const sw1 = response[response.length - 2];
  return sw1 === 0x61 || sw1 === 0x6c;
}

/**
 * What becomes of an answer that is not whole: the response after its follow-ups, or a fault:
 * `gone`, or `malformed` for an answer of another length or for more follow-ups than
 * `APDU_FOLLOW_UPS_MAX`.
 */
export function* complete(
  command: CardCommand,
  apdu: Uint8Array,
  answer: Answer,
): Dialogue<Uint8Array | CardFault> {
  const response = answer as Uint8Array | null;
  if (response === null) return gone(command);
  if (!isResponse(response)) return notResponse(command, response.length);
  return yield* followUp(command, apdu, response);
}

function* followUp(
  command: CardCommand,
  apdu: Uint8Array,
  first: Uint8Array,
): Dialogue<Uint8Array | CardFault> {
  let sent = apdu;
  let response = first;
  // Data that came with 61xx goes before what GET RESPONSE brings.
  let before = new Uint8Array(0);
  for (let round = 0; wantsFollowUp(response); round++) {
    if (round === APDU_FOLLOW_UPS_MAX) {
      return malformed(command, `more than ${APDU_FOLLOW_UPS_MAX} follow-ups`);
    }
    const sw = statusWord(response);
    const le = (sw & 0xff) === 0 ? LE_ALL : sw & 0xff;
    if (sw >>> 8 === 0x61) {
      before = joined(before, response, response.length - 2);
      sent = buildCommand(0x00, 0xc0, 0x00, 0x00, null, le);
    } else {
      // What was sent last, and not the command itself: a card must not execute that twice.
      sent = withLe(sent, le);
    }
    const answer = (yield askOf(command, sent, null)) as Uint8Array | null;
    if (answer === null) return gone(command);
    if (!isResponse(answer)) return notResponse(command, answer.length);
    response = answer;
  }
  if (before.length === 0) return response;
  const whole = joined(before, response, response.length);
  return isResponse(whole) ? whole : notResponse(command, whole.length);
}

/** `before` and the first `added` bytes of `response`. */
function joined(before: Uint8Array, response: Uint8Array, added: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(before.length + added);
  copyBytes(before, 0, whole, 0, before.length);
  copyBytes(response, 0, whole, before.length, added);
  return whole;
}

/**
 * One command and its whole answer: GET RESPONSE after 61xx and the repeat after 6Cxx (ISO 7816-4,
 * 5.3.4) happen here, so that no dialogue of a card family sees them.
 */
import { copyBytes } from '../bytes.ts';
import { APDU_FOLLOW_UPS_MAX, APDU_RESPONSE_BYTES_MAX } from '../limits.ts';
import { buildCommand, isResponse, statusWord, withLe } from './apdu.ts';
import type { CardFault, Dialogue } from './dialogue.ts';
import { type CardCommand, gone, malformed, notResponse } from './status.ts';

/**
 * Asks the card. Ends in the response (data ‖ SW1 ‖ SW2, 2 to 258 bytes, never 61xx or 6Cxx), or in
 * a fault: `gone`, or `malformed` for an answer of another length or more follow-ups than
 * `APDU_FOLLOW_UPS_MAX`.
 */
export function* exchange(
  command: CardCommand,
  apdu: Uint8Array,
  meanwhile: (() => void) | null,
): Dialogue<Uint8Array | CardFault> {
  const response = (yield {
    ask: 'card',
    command: command.name,
    apdu,
    meanwhile,
  }) as Uint8Array | null;
  if (response === null) return gone(command);
  if (!isResponse(response)) return notResponse(command, response.length);
  const sw1 = response[response.length - 2];
  if (sw1 !== 0x61 && sw1 !== 0x6c) return response;
  return yield* followUp(command, apdu, response);
}

function* followUp(
  command: CardCommand,
  apdu: Uint8Array,
  first: Uint8Array,
): Dialogue<Uint8Array | CardFault> {
  let response = first;
  // Data that came with 61xx goes before what GET RESPONSE brings.
  let before = new Uint8Array(0);
  for (let round = 0; round < APDU_FOLLOW_UPS_MAX; round++) {
    const sw = statusWord(response);
    const le = (sw & 0xff) === 0 ? 256 : sw & 0xff;
    let next: Uint8Array;
    if (sw >>> 8 === 0x61) {
      before = joined(before, response);
      next = buildCommand(0x00, 0xc0, 0x00, 0x00, null, le);
    } else if (sw >>> 8 === 0x6c) {
      next = withLe(before.length === 0 ? apdu : buildCommand(0x00, 0xc0, 0, 0, null, le), le);
    } else {
      const whole = before.length === 0 ? response : joined(before, response, 2);
      return isResponse(whole) ? whole : notResponse(command, whole.length);
    }
    if (before.length > APDU_RESPONSE_BYTES_MAX) return notResponse(command, before.length);
    const answer = (yield {
      ask: 'card',
      command: command.name,
      apdu: next,
      meanwhile: null,
    }) as Uint8Array | null;
    if (answer === null) return gone(command);
    if (!isResponse(answer)) return notResponse(command, answer.length);
    response = answer;
  }
  return malformed(command, `more than ${APDU_FOLLOW_UPS_MAX} follow-ups`);
}

/** `before` ‖ the response's data (and its status word, with `statusBytes` 2). */
function joined(
  before: Uint8Array,
  response: Uint8Array,
  statusBytes = 0,
): Uint8Array<ArrayBuffer> {
  const added = response.length - 2 + statusBytes;
  const whole = new Uint8Array(before.length + added);
  copyBytes(before, 0, whole, 0, before.length);
  copyBytes(response, 0, whole, before.length, added);
  return whole;
}

/**
 * Authentication with an AES key: AuthenticateAES (0xAA, EV1), AuthenticateEV2First (0x71) and
 * AuthenticateEV2NonFirst (0x77), which keeps the session's TI and counter (NXP AN12196, 6.6). The
 * key holder draws RndA, answers the challenge and checks the card's proof.
 */
import { dataLength, statusWord, take } from '../apdu.ts';
import { askOf } from '../exchange.ts';
import { malformed, wrongLength } from '../status.ts';
import type { AesKeyRef, AuthenticationKind, DesfireDialogue, DesfireFault } from './asks.ts';
import type { Channel } from './channel.ts';
import { frameFault, isDone, more, wrapped } from './frames.ts';
import { type DesfireCommand, desfireCommand, SW_MORE } from './statuses.ts';

const commands: Readonly<Record<AuthenticationKind, DesfireCommand>> = {
  ev1: desfireCommand('AuthenticateAES', 0xaa),
  ev2First: desfireCommand('AuthenticateEV2First', 0x71),
  ev2NonFirst: desfireCommand('AuthenticateEV2NonFirst', 0x77),
};

const CHALLENGE_BYTES = 16;

/**
 * Opens a session with key `keyNumber` of the selected application. On a fault none is open.
 * @returns null when the session is open.
 */
export function* authenticate(
  channel: Channel,
  kind: AuthenticationKind,
  keyNumber: number,
  key: AesKeyRef,
  meanwhile: (() => void) | null = null,
): DesfireDialogue<null | DesfireFault> {
  const { buffer } = channel;
  const command = commands[kind];
  channel.session = 'none';
  buffer[5] = keyNumber;
  // EV2First may name capabilities; none are.
  buffer[6] = 0;
  const first = wrapped(buffer, command.ins, kind === 'ev2First' ? 2 : 1);
  const said = yield askOf(command, first, meanwhile);
  const fault = frameFault(command, said);
  if (fault) return fault;
  const response = said as Uint8Array;
  if (statusWord(response) !== SW_MORE) return malformed(command, 'no challenge');
  if (dataLength(response) !== CHALLENGE_BYTES) {
    return wrongLength(command, dataLength(response), CHALLENGE_BYTES);
  }
  const challenge = take(response, 0, CHALLENGE_BYTES);
  const token = yield { ask: 'aesChallenge', kind, key, challenge };
  if (typeof token === 'string') return { fault: 'keyUnknown', command: command.name };
  buffer.set(token as Uint8Array, 5);
  const answer = yield askOf(more, wrapped(buffer, more.ins, 32), null);
  if (!isDone(answer)) return frameFault(more, answer) ?? malformed(more, 'no end');
  const proof = take(answer, 0, dataLength(answer));
  if (!((yield { ask: 'aesProof', proof }) as boolean)) {
    return { fault: 'forged', command: more.name, why: 'notAuthentic' };
  }
  channel.session = kind === 'ev1' ? 'ev1' : 'ev2';
  return null;
}

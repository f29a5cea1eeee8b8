/**
 * Commands about keys: GetKeyVersion 64, ChangeKey C4, and the two that authenticate with the DES
 * key of a card as it leaves the factory, AuthenticateISO 1A and Authenticate 0A.
 */
import { dataLength, statusWord, take } from '../../apdu.ts';
import { askOf } from '../../exchange.ts';
import { malformed, wrongLength } from '../../status.ts';
import type { AesKeyRef, DesfireFault } from '../asks.ts';
import { type Channel, exchange, unprotected } from '../channel.ts';
import { select } from '../commands/identity.ts';
import { exchangeFrames, frameFault, isDone, more, wrapped } from '../frames.ts';
import { type DesfireCommand, desfireCommand, SW_MORE } from '../statuses.ts';
import type { FactoryScheme, IssuingDialogue } from './asks.ts';
import { CARD_AID } from './plan.ts';

const getKeyVersion = desfireCommand('GetKeyVersion', 0x64);
const changeKey = desfireCommand('ChangeKey', 0xc4, true);
const factoryCommands: Readonly<Record<FactoryScheme, DesfireCommand>> = {
  iso: desfireCommand('AuthenticateISO', 0x1a),
  legacy: desfireCommand('Authenticate', 0x0a),
};

/** An authentication or a change of key that did nothing. */
const SW_UNTAKEN: readonly number[] = [0x911c, 0x911e, 0x9140, 0x917e, 0x919d, 0x919e, 0x91ae];
/** Added to the number of the card's own master key: it becomes an AES key. */
const KEY_TYPE_AES = 0x80;
const FACTORY_BLOCK_BYTES = 8;
const FACTORY_TOKEN_BYTES = 16;

/** Version of a key of the selected application, or of the card; 0 is the factory's. */
export function* readKeyVersion(
  channel: Channel,
  keyNumber: number,
): IssuingDialogue<number | DesfireFault> {
  channel.buffer[5] = keyNumber;
  const data = yield* exchange(channel, getKeyVersion, 1, 0, 'mac', 1);
  return 'fault' in data ? data : data[0]!;
}

/**
 * Changes one key, in the session that is open.
 * @param keyByte its number; 80 is added for the card's own master key.
 * @param current what is there now; null: the session's key, and then no session is open.
 */
export function* changeKeyTo(
  channel: Channel,
  keyByte: number,
  current: AesKeyRef | null,
  next: AesKeyRef,
): IssuingDialogue<null | DesfireFault> {
  const { buffer } = channel;
  buffer[5] = keyByte;
  const length = yield { ask: 'keyChange', keyByte, current, next, bytes: buffer, at: 5 };
  if (typeof length === 'string') {
    channel.session = 'none';
    return { fault: 'keyUnknown', command: changeKey.name };
  }
  const frameBytes = channel.frameBytes;
  const response = yield* exchangeFrames(changeKey, buffer, length as number, frameBytes, null);
  if ('fault' in response || current === null) channel.session = 'none';
  if ('fault' in response) return response;
  if (current === null) {
    const bytes = dataLength(response);
    return bytes === 0 ? null : wrongLength(changeKey, bytes, 0);
  }
  const plain = yield* unprotected(channel, changeKey, response, 'mac', 0);
  return 'fault' in plain ? plain : null;
}

/**
 * Gives a card from the factory its AES key. Sources disagree on which of the two authentications
 * all such cards take: the newer is tried first, and after a refusal the older.
 */
export function* changeFactoryKey(
  channel: Channel,
  next: AesKeyRef,
): IssuingDialogue<null | DesfireFault> {
  const refusal = yield* changeBy(channel, 'iso', next);
  if (refusal?.fault !== 'status' || !SW_UNTAKEN.includes(refusal.sw)) return refusal;
  const unselected = yield* select(channel, CARD_AID, null);
  return unselected ?? (yield* changeBy(channel, 'legacy', next));
}

function* changeBy(
  channel: Channel,
  scheme: FactoryScheme,
  next: AesKeyRef,
): IssuingDialogue<null | DesfireFault> {
  const refusal = yield* authenticateFactory(channel, scheme);
  return refusal ?? (yield* changeKeyTo(channel, KEY_TYPE_AES, null, next));
}

/** Authenticates with the factory's key; afterwards that key can be changed, and nothing else. */
function* authenticateFactory(
  channel: Channel,
  scheme: FactoryScheme,
): IssuingDialogue<null | DesfireFault> {
  const { buffer } = channel;
  const command = factoryCommands[scheme];
  channel.session = 'none';
  buffer[5] = 0;
  const said = yield askOf(command, wrapped(buffer, command.ins, 1), null);
  const fault = frameFault(command, said);
  if (fault) return fault;
  const response = said as Uint8Array;
  if (statusWord(response) !== SW_MORE) return malformed(command, 'no challenge');
  if (dataLength(response) !== FACTORY_BLOCK_BYTES) {
    return wrongLength(command, dataLength(response), FACTORY_BLOCK_BYTES);
  }
  const challenge = take(response, 0, FACTORY_BLOCK_BYTES);
  buffer.set((yield { ask: 'factoryChallenge', scheme, challenge }) as Uint8Array, 5);
  const answer = yield askOf(more, wrapped(buffer, more.ins, FACTORY_TOKEN_BYTES), null);
  if (!isDone(answer)) return frameFault(more, answer) ?? malformed(more, 'no end');
  const proof = take(answer, 0, dataLength(answer));
  if ((yield { ask: 'factoryProof', proof }) as boolean) return null;
  return { fault: 'forged', command: more.name, why: 'notAuthentic' };
}

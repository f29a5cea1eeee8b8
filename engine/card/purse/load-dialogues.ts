/**
 * The steps of a load after SELECT, each a dialogue of one command (PBOC e-purse, 圈存). The host
 * that holds the load key speaks between them: it checks MAC1 and answers MAC2.
 *
 * After CREDIT was sent, `gone` and `malformed` do not say whether the card committed: its online
 * counter at any later INITIALIZE does, and `proveLoad` brings the TAC while the card keeps it.
 */
import { invariant } from '../../invariant.ts';
import { type CardFault, type Dialogue, isFault } from '../dialogue.ts';
import { askOf, complete, isWhole } from '../exchange.ts';
import { malformed } from '../status.ts';
import { creditForLoad } from './commands/credit-for-load.ts';
import { getTransactionProve } from './commands/get-transaction-prove.ts';
import { initializeForLoad, type LoadInit } from './commands/initialize-for-load.ts';
import type { CompiledProfile } from './compile.ts';

/**
 * Asks the card to prepare a load of `amountMinor` (32 bits) at `terminalId` (6 bytes). The
 * profile has a load. A card with an algorithm byte that the profile does not name is `malformed`.
 */
export function* initializeLoad(
  profile: CompiledProfile,
  amountMinor: number,
  terminalId: Uint8Array,
): Dialogue<LoadInit | CardFault> {
  invariant(profile.load !== null, 'the profile has a load');
  invariant(amountMinor >= 0 && amountMinor <= 0xffff_ffff, 'an amount of 32 bits');
  invariant(terminalId.length === 6, 'a terminal id of 6 bytes');
  const apdu = profile.load.initialize.slice();
  initializeForLoad.write(apdu, profile.load.keyIndex, amountMinor, terminalId);
  const answer = yield askOf(initializeForLoad, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(initializeForLoad, apdu, answer);
  if ('fault' in response) return response;
  const init = initializeForLoad.parse(response);
  if (isFault(init)) return init;
  return profile.algorithmOf[init.algorithm]! >= 0
    ? init
    : malformed(initializeForLoad, `algorithm byte ${init.algorithm} is not in the profile`);
}

/**
 * Credits the purse with the host's order: `dateTime` of 7 BCD bytes, `mac2` of 4. Ends in the
 * TAC, 4 bytes, which only the issuer can check.
 */
export function* creditLoad(
  dateTime: Uint8Array,
  mac2: Uint8Array,
): Dialogue<Uint8Array | CardFault> {
  invariant(dateTime.length === 7 && mac2.length === 4, 'date and time of 7 bytes, MAC2 of 4');
  const apdu = creditForLoad.build(dateTime, mac2);
  const answer = yield askOf(creditForLoad, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(creditForLoad, apdu, answer);
  return 'fault' in response ? response : creditForLoad.parse(response);
}

/**
 * The TAC of the load that INITIALIZE announced with `onlineCounter`, or `unavailable` where the
 * card keeps no proof of it: it did not commit, or has had a transaction since.
 */
export function* proveLoad(
  profile: CompiledProfile,
  onlineCounter: number,
): Dialogue<Uint8Array | 'unavailable' | CardFault> {
  invariant(profile.load !== null, 'the profile has a load');
  const { counterOffset, order } = profile.proof;
  const counter = (onlineCounter + counterOffset) & 0xffff;
  const apdu = getTransactionProve.build(profile.load.transactionType, counter);
  const answer = yield askOf(getTransactionProve, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(getTransactionProve, apdu, answer);
  if ('fault' in response) return response;
  const proof = getTransactionProve.parse(response, order);
  return proof === 'unavailable' || isFault(proof) ? proof : proof.tac;
}

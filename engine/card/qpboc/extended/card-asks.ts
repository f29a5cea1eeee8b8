/** What a selected card tells outside a purchase: elements, and the TC of one it committed [1]. */
import { statusWord } from '../../apdu.ts';
import { type CardFault, type Dialogue, isFault } from '../../dialogue.ts';
import { askOf, complete, isWhole } from '../../exchange.ts';
import { malformed, refused, SW_OK } from '../../status.ts';
import { getData } from '../commands/get-data.ts';
import { getTransProve, SW_UNPROVEN } from '../commands/get-trans-prove.ts';

/** An element by GET DATA; null where the card does not give it. */
export function* readData(wanted: number): Dialogue<Uint8Array | CardFault | null> {
  const apdu = getData.build(wanted);
  const answer = yield askOf(getData, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(getData, apdu, answer);
  if (isFault(response)) return response;
  if (statusWord(response) !== SW_OK) return null;
  return getData.parse(response, wanted) ?? malformed(getData, 'not the element asked for');
}

/**
 * The TC, 8 bytes, of the transaction of this counter: the card's word that it committed it.
 * `unproven`: it did not, or has forgotten it.
 */
export function* proveTransaction(atc: number): Dialogue<Uint8Array | 'unproven' | CardFault> {
  const apdu = getTransProve.build(atc);
  const answer = yield askOf(getTransProve, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(getTransProve, apdu, answer);
  if (isFault(response)) return response;
  const sw = statusWord(response);
  if (sw === SW_UNPROVEN) return 'unproven';
  if (sw !== SW_OK) return refused(getTransProve, sw);
  return getTransProve.parse(response) ?? malformed(getTransProve, 'a TC has 8 bytes');
}

/**
 * GET TRANSACTION PROVE (PBOC e-purse): 80 5A 00 type 02 counter2, Le 08: the MAC2 and TAC of an
 * earlier debit, for a card that left before its answer came. Their order and which counter it
 * takes have one source each and are settings of the profile.
 */
import { writeU16 } from '../../../bytes.ts';
import { buildCommand, dataLength, statusWord, take } from '../../apdu.ts';
import type { CardFault } from '../../dialogue.ts';
import { baseStatuses, refused, SW_OK, wrongLength } from '../../status.ts';
import type { PurseDebit } from './debit.ts';

const ANSWER_BYTES = 8;
const SW_UNAVAILABLE = 0x9406;

export const getTransactionProve = {
  name: 'GET TRANSACTION PROVE',
  statuses: { ...baseStatuses, '9406': 'no proof is kept for this counter' },

  /** `transactionType` 06 purchase, 09 CAPP, 02 load; `counter` of 16 bits. */
  build(transactionType: number, counter: number): Uint8Array {
    const data = new Uint8Array(2);
    writeU16(data, 0, counter);
    return buildCommand(0x80, 0x5a, 0x00, transactionType, data, ANSWER_BYTES);
  },

  parse(
    response: Uint8Array,
    order: 'mac2-tac' | 'tac-mac2',
  ): PurseDebit | 'unavailable' | CardFault {
    const sw = statusWord(response);
    if (sw === SW_UNAVAILABLE) return 'unavailable';
    if (sw !== SW_OK) return refused(getTransactionProve, sw);
    if (dataLength(response) !== ANSWER_BYTES) {
      return wrongLength(getTransactionProve, dataLength(response), ANSWER_BYTES);
    }
    const tacAt = order === 'mac2-tac' ? 4 : 0;
    return { tac: take(response, tacAt, 4), mac2: take(response, 4 - tacAt, 4) };
  },
};

/** GET BALANCE (PBOC e-purse): 80 5C P1 P2 04; P2 01 deposit, 02 purse; P1 by scheme. */
import { readU32 } from '../../../bytes.ts';
import { buildCommand, dataLength, statusWord } from '../../apdu.ts';
import type { CardFault } from '../../dialogue.ts';
import { baseStatuses, refused, SW_OK, wrongLength } from '../../status.ts';

const LENGTH = 4;

export const getBalance = {
  name: 'GET BALANCE',
  statuses: { ...baseStatuses, '6985': 'the purse is not open', '6A81': 'no such purse' },

  build(p1: number, purseId: number): Uint8Array {
    return buildCommand(0x80, 0x5c, p1, purseId, null, LENGTH);
  },

  /** Minor units, the four bytes as they are. */
  parse(response: Uint8Array): number | CardFault {
    const sw = statusWord(response);
    if (sw !== SW_OK) return refused(getBalance, sw);
    if (dataLength(response) !== LENGTH) {
      return wrongLength(getBalance, dataLength(response), LENGTH);
    }
    return readU32(response, 0);
  },
};

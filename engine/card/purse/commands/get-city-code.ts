/**
 * City authentication of city-union (建设部) cards: 80 CA 00 00 09 answers nine bytes, which end the
 * input of MAC1 (a published purchase reproduces with them).
 */
import { buildCommand, dataLength, statusWord, take } from '../../apdu.ts';
import type { CardFault } from '../../dialogue.ts';
import { baseStatuses, refused, SW_OK, wrongLength } from '../../status.ts';

const CITY_CODE_BYTES = 9;

export const getCityCode = {
  name: 'GET CITY CODE',
  statuses: { ...baseStatuses, '6A88': 'the card has no city code' },

  build(): Uint8Array {
    return buildCommand(0x80, 0xca, 0x00, 0x00, null, CITY_CODE_BYTES);
  },

  /** A copy of the nine bytes. */
  parse(response: Uint8Array): Uint8Array | CardFault {
    const sw = statusWord(response);
    if (sw !== SW_OK) return refused(getCityCode, sw);
    if (dataLength(response) !== CITY_CODE_BYTES) {
      return wrongLength(getCityCode, dataLength(response), CITY_CODE_BYTES);
    }
    return take(response, 0, CITY_CODE_BYTES);
  },
};

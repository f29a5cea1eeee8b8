/**
 * CREDIT FOR LOAD (PBOC e-purse): 80 52 00 00 0B, date4 ‖ time3 ‖ MAC2(4), Le 04. Balance, online
 * counter, log and TAC commit together; the answer is the TAC.
 */
import { copyBytes } from '../../../bytes.ts';
import { buildCommand, dataLength, statusWord, take } from '../../apdu.ts';
import type { CardFault } from '../../dialogue.ts';
import { baseStatuses, refused, SW_OK, wrongLength } from '../../status.ts';

const DATA_BYTES = 11;
const TAC_BYTES = 4;

export const creditForLoad = {
  name: 'CREDIT FOR LOAD',
  statuses: {
    ...baseStatuses,
    '6901': 'no load is under way',
    '6982': 'MAC2 is wrong',
    '6985': 'no load is under way',
    '9302': 'MAC2 is wrong',
    '9402': 'the online counter is at its maximum',
  },

  /** `dateTime` YYYYMMDDhhmmss of 7 BCD bytes and `mac2` of 4, as the host computed them. */
  build(dateTime: Uint8Array, mac2: Uint8Array): Uint8Array {
    const data = new Uint8Array(DATA_BYTES);
    copyBytes(dateTime, 0, data, 0, 7);
    copyBytes(mac2, 0, data, 7, 4);
    return buildCommand(0x80, 0x52, 0x00, 0x00, data, TAC_BYTES);
  },

  /** The TAC, 4 bytes. */
  parse(response: Uint8Array): Uint8Array | CardFault {
    const sw = statusWord(response);
    if (sw !== SW_OK) return refused(creditForLoad, sw);
    if (dataLength(response) !== TAC_BYTES) {
      return wrongLength(creditForLoad, dataLength(response), TAC_BYTES);
    }
    return take(response, 0, TAC_BYTES);
  },
};

/**
 * UPDATE CAPP DATA CACHE (JR/T 0025.9-2010, 7.4): 80 DC P1 P2 Lc record, at least once between
 * INITIALIZE FOR CAPP PURCHASE and DEBIT. P2 is SFI<<3 and low bits by scheme (T-Union: 00 F0).
 */
import { buildCommand, dataLength, NO_LE, statusWord } from '../../apdu.ts';
import type { CardFault } from '../../dialogue.ts';
import { baseStatuses, refused, SW_OK, wrongLength } from '../../status.ts';

export const updateCappCache = {
  name: 'UPDATE CAPP DATA CACHE',
  statuses: {
    ...baseStatuses,
    '6700': 'the record has another length',
    '6985': 'no CAPP purchase is under way',
    '6A82': 'no such file',
    '6A83': 'no such record',
    '6A84': 'no space left in the cache',
  },

  /** The command with zeros where the record of `length` bytes goes, from COMMAND_DATA_AT on. */
  template(cla: number, p1: number, p2: number, length: number): Uint8Array {
    return buildCommand(cla, 0xdc, p1, p2, new Uint8Array(length), NO_LE);
  },

  parse(response: Uint8Array): null | CardFault {
    const sw = statusWord(response);
    if (sw !== SW_OK) return refused(updateCappCache, sw);
    if (dataLength(response) !== 0) return wrongLength(updateCappCache, dataLength(response), 0);
    return null;
  },
};

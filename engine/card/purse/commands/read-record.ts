/** READ RECORD by number (ISO 7816-4, 11.4.3): 00 B2 record SFI<<3|4 Le. */
import { buildCommand, dataLength, statusWord, take } from '../../apdu.ts';
import type { CardFault } from '../../dialogue.ts';
import { baseStatuses, refused, SW_OK, wrongLength } from '../../status.ts';

const SW_NO_FILE = 0x6a82;
const SW_NO_RECORD = 0x6a83;

export const readRecord = {
  name: 'READ RECORD',
  statuses: {
    ...baseStatuses,
    '6981': 'the file has no records',
    '6A82': 'no such file',
    '6A83': 'no such record',
  },

  /** Record `record` (from 1) of `length` bytes. */
  build(sfi: number, record: number, length: number): Uint8Array {
    return buildCommand(0x00, 0xb2, record, (sfi << 3) | 4, null, length);
  },

  /** A copy of the record's `length` bytes, or `absent` for a file or record the card has not. */
  parse(response: Uint8Array, length: number): Uint8Array | 'absent' | CardFault {
    const sw = statusWord(response);
    if (sw === SW_NO_RECORD || sw === SW_NO_FILE) return 'absent';
    if (sw !== SW_OK) return refused(readRecord, sw);
    if (dataLength(response) !== length) {
      return wrongLength(readRecord, dataLength(response), length);
    }
    return take(response, 0, length);
  },
};

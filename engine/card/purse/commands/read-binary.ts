/** READ BINARY by short file identifier (ISO 7816-4, 11.3.3): 00 B0 80|SFI offset Le. */
import { buildCommand, dataLength, statusWord, take } from '../../apdu.ts';
import type { CardFault } from '../../dialogue.ts';
import { baseStatuses, refused, SW_OK, wrongLength } from '../../status.ts';

export const readBinary = {
  name: 'READ BINARY',
  statuses: {
    ...baseStatuses,
    '6981': 'the file is no binary file',
    '6A82': 'no such file',
    '6B00': 'offset outside the file',
  },

  /** The first `length` bytes of the file. */
  build(sfi: number, length: number): Uint8Array {
    return buildCommand(0x00, 0xb0, 0x80 | sfi, 0x00, null, length);
  },

  /** A copy of the `length` bytes asked for. */
  parse(response: Uint8Array, length: number): Uint8Array | CardFault {
    const sw = statusWord(response);
    if (sw !== SW_OK) return refused(readBinary, sw);
    if (dataLength(response) !== length) {
      return wrongLength(readBinary, dataLength(response), length);
    }
    return take(response, 0, length);
  },
};

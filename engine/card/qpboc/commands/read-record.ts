/** READ RECORD by number (EMV 4.3 Book 3, 6.5.11): 00 B2 record SFI<<3|4 00. */
import { buildCommand, LE_ALL } from '../../apdu.ts';
import { baseStatuses } from '../../status.ts';

export const readRecord = {
  name: 'READ RECORD',
  statuses: {
    ...baseStatuses,
    '6A82': 'no such file',
    '6A83': 'no such record',
  },

  /** Words of a card that looked at no record: state, file, record, command. */
  refusals: new Set([0x6985, 0x6986, 0x6a82, 0x6a83, 0x6d00]) as ReadonlySet<number>,

  build(sfi: number, record: number): Uint8Array {
    return buildCommand(0x00, 0xb2, record, (sfi << 3) | 4, null, LE_ALL);
  },
};

/**
 * READ CAPP DATA of the extended application [1]: 80 B4 00 (SFI<<3 | 0 or 1) 02 id 00 gives the
 * record of this id; 0A id ‖ random(8) gives the record ‖ MAC(4). Before GET PROCESSING OPTIONS.
 */
import { buildCommand, LE_ALL } from '../../apdu.ts';
import { baseStatuses } from '../../status.ts';

export const readCappData = {
  name: 'READ CAPP DATA',
  statuses: {
    ...baseStatuses,
    '6985': 'a transaction is under way',
    '6A82': 'no such file',
    '6A83': 'no record of this id',
  },

  /**
   * @param selector lowest bit of P2
   * @param id 2 bytes
   * @param random 8 bytes, which ask for a MAC; null: none is wanted
   */
  build(sfi: number, selector: number, id: Uint8Array, random: Uint8Array | null): Uint8Array {
    const data = random === null ? id : Uint8Array.of(...id, ...random);
    return buildCommand(0x80, 0xb4, 0x00, (sfi << 3) | selector, data, LE_ALL);
  },
};

/** Status words of a card that has no such record, or no such command. */
export const NO_RECORD: ReadonlySet<number> = new Set([0x6a82, 0x6a83, 0x6a81, 0x6d00, 0x6e00]);

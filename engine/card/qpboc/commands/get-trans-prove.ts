/**
 * GET TRANS PROVE of e-cash [1]: 80 5A 00 00 02 ATC 08 gives the TC of the transaction of that
 * counter where the card committed it.
 */
import { writeU16 } from '../../../bytes.ts';
import { buildCommand, dataLength, take } from '../../apdu.ts';
import { baseStatuses } from '../../status.ts';

const TC_BYTES = 8;

/** The card committed no transaction of this counter, or keeps it no more. */
export const SW_UNPROVEN = 0x9406;

export const getTransProve = {
  name: 'GET TRANS PROVE',
  statuses: { ...baseStatuses, '9406': 'no TC of this counter is kept' },

  build(atc: number): Uint8Array {
    const counter = new Uint8Array(2);
    writeU16(counter, 0, atc);
    return buildCommand(0x80, 0x5a, 0x00, 0x00, counter, TC_BYTES);
  },

  /** The TC, 8 bytes; null where the answer has another length. */
  parse(response: Uint8Array): Uint8Array | null {
    return dataLength(response) === TC_BYTES ? take(response, 0, TC_BYTES) : null;
  },
};

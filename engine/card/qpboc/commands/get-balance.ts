/** GET DATA of the offline balance (9F79; PBOC 3.0): 80 CA 9F 79 00, answered 9F79 06 BCD(6). */
import { buildCommand, dataLength, LE_ALL } from '../../apdu.ts';
import { baseStatuses } from '../../status.ts';
import { findTlv, parseTlv } from '../../tlv.ts';
import { bcdNumber } from '../elements.ts';
import { tag } from '../tags.ts';

const BALANCE_BYTES = 6;

export const getBalance = {
  name: 'GET DATA',
  statuses: { ...baseStatuses, '6A88': 'no such data' },

  build(): Uint8Array {
    return buildCommand(0x80, 0xca, 0x9f, 0x79, null, LE_ALL);
  },

  /** The balance of a response of status 9000, 32 bits; null where it says none. */
  parse(response: Uint8Array): number | null {
    const parsed = parseTlv(response, 0, dataLength(response));
    const found = 'objects' in parsed ? findTlv(parsed.objects, tag.balance) : null;
    if (found?.length !== BALANCE_BYTES) return null;
    const value = bcdNumber(response.subarray(found.at, found.at + BALANCE_BYTES));
    return value !== null && value <= 0xffff_ffff ? value : null;
  },
};

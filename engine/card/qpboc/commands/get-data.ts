/**
 * GET DATA (EMV 4.3 Book 3, 6.5.7): 80 CA tag 00. Of e-cash: 9F79 balance, 9F36 counter [1]; DF61,
 * DF62 and DF63 of the extended application [U].
 */
import { buildCommand, dataLength, LE_ALL, take } from '../../apdu.ts';
import { baseStatuses } from '../../status.ts';
import { parseTlv } from '../../tlv.ts';

export const getData = {
  name: 'GET DATA',
  statuses: { ...baseStatuses, '6A88': 'the card has no such element' },

  /** @param tag of two bytes */
  build(tag: number): Uint8Array {
    return buildCommand(0x80, 0xca, tag >> 8, tag & 0xff, null, LE_ALL);
  },

  /** The element's value; null where the answer is not this element alone. */
  parse(response: Uint8Array, tag: number): Uint8Array | null {
    const parsed = parseTlv(response, 0, dataLength(response));
    if (!('objects' in parsed) || parsed.objects.length !== 1) return null;
    const [object] = parsed.objects;
    return object!.tag === tag ? take(response, object!.at, object!.length) : null;
  },
};

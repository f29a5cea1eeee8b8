/**
 * GET PROCESSING OPTIONS (EMV 4.3 Book 3, 6.5.8; PBOC 3.0): 80 A8 00 00 Lc 83 len data 00. The
 * command itself is made ahead in `terminal.ts`. Answer in format 1: 80 len AIP(2) ‖ AFL; in format
 * 2: 77 with elements, which every contactless e-cash transaction needs.
 */
import { dataLength } from '../../apdu.ts';
import { baseStatuses } from '../../status.ts';
import { findTlv, parseTlv } from '../../tlv.ts';
import { addElements } from '../elements.ts';
import type { EcashReason } from '../reasons.ts';
import { tag } from '../tags.ts';

/** The card wants its next application tried, or another interface [1]. */
export const SW_NEXT_APPLICATION = 0x6985;
export const SW_OTHER_INTERFACE = 0x6984;

export const getProcessingOptions = {
  name: 'GET PROCESSING OPTIONS',
  statuses: {
    ...baseStatuses,
    '6984': 'another interface is wanted',
    '6985': 'another application is wanted',
    // Of the extended application [1].
    '6971': 'the card has no room for a further pre-authorisation',
    '6972': 'a pre-authorisation is open on this record',
    '6973': 'no pre-authorisation is open on this record',
  },

  /** Adds what a response of status 9000 brought to `elements`; null, or why not. */
  parse(response: Uint8Array, elements: Map<number, Uint8Array>): EcashReason | null {
    const end = dataLength(response);
    if (response[0] !== tag.optionsFormat1) {
      return addElements(elements, response, end, tag.optionsFormat2, 'optionsMalformed');
    }
    const parsed = parseTlv(response, 0, end);
    const options = 'objects' in parsed ? findTlv(parsed.objects, tag.optionsFormat1) : null;
    if (options === null || options.at + options.length !== end || options.length < 2) {
      return 'optionsMalformed';
    }
    elements.set(tag.aip, Uint8Array.prototype.slice.call(response, options.at, options.at + 2));
    elements.set(tag.afl, Uint8Array.prototype.slice.call(response, options.at + 2, end));
    return null;
  },
};

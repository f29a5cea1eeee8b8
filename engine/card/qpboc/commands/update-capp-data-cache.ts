/**
 * UPDATE CAPP DATA CACHE of the extended application [1]: 84 DE 00 SFI<<3 Lc record ‖ MAC(4), right
 * after GET PROCESSING OPTIONS that gave a TC. The card keeps the record with the money when the
 * last record of its file locator is read. MAC: retail MAC with the record's key, IV
 * 000000000000 ‖ ATC, over header ‖ record.
 */
import { writeU16 } from '../../../bytes.ts';
import { buildCommand, COMMAND_DATA_AT, NO_LE } from '../../apdu.ts';
import { baseStatuses } from '../../status.ts';

const MAC_BYTES = 4;

export const updateCappDataCache = {
  name: 'UPDATE CAPP DATA CACHE',
  statuses: {
    ...baseStatuses,
    '6581': 'the cache is full',
    '6985': 'no transaction of the extended application is under way',
    '6986': 'not right after GET PROCESSING OPTIONS',
    '6A80': 'the record is shorter than the card has it',
    '6A84': 'the record is longer than the card has it',
  },

  /** The command with a MAC of zeros. @param length of the record, 1 to 251 bytes */
  build(sfi: number, length: number): Uint8Array {
    return buildCommand(0x84, 0xde, 0x00, sfi << 3, new Uint8Array(length + MAC_BYTES), NO_LE);
  },

  /** Where the record lies in the command. */
  recordAt: COMMAND_DATA_AT,

  /** What the MAC is computed over: header, Lc and record. A view. */
  macInput(apdu: Uint8Array): Uint8Array {
    return apdu.subarray(0, apdu.length - MAC_BYTES);
  },

  putMac(apdu: Uint8Array, mac: Uint8Array): void {
    apdu.set(mac, apdu.length - MAC_BYTES);
  },

  /** 8 bytes. */
  iv(atc: number): Uint8Array {
    const iv = new Uint8Array(8);
    writeU16(iv, 6, atc);
    return iv;
  },
};

/**
 * SELECT by name (EMV 4.3 Book 1, 11.3): 00 A4 04 00 Lc name 00, of the directory 2PAY.SYS.DDF01
 * (PPSE) and of applications.
 */

import { PPSE_APPLICATIONS_MAX } from '../../../card-limits.ts';
import { buildCommand, dataLength, LE_ALL, take } from '../../apdu.ts';
import { baseStatuses } from '../../status.ts';
import { findTag, findTlv, parseTlv } from '../../tlv.ts';
import { tag } from '../tags.ts';

const PPSE_NAME = new Uint8Array(Buffer.from('2PAY.SYS.DDF01', 'latin1'));
const AID_BYTES_MIN = 5;
const AID_BYTES_MAX = 16;
/** Priority of an entry that names none, after all that do. */
const NO_PRIORITY = 16;

export const select = {
  name: 'SELECT',
  statuses: {
    ...baseStatuses,
    '6283': 'the application is locked',
    '6A81': 'the card is locked',
    '6A82': 'no such application',
  },

  build(name: Uint8Array): Uint8Array {
    return buildCommand(0x00, 0xa4, 0x04, 0x00, name, LE_ALL);
  },

  buildPpse(): Uint8Array {
    return select.build(PPSE_NAME);
  },

  /**
   * Applications of a PPSE's FCI, 6F{A5{BF0C{61{4F, 87}..}}}, by priority (1 is the highest); empty
   * where it is malformed or names none.
   */
  applications(response: Uint8Array): readonly Uint8Array[] {
    const parsed = parseTlv(response, 0, dataLength(response));
    if (!('objects' in parsed)) return [];
    const found: { aid: Uint8Array | null; priority: number }[] = [];
    for (const object of parsed.objects) {
      if (object.tag === tag.directoryEntry) found.push({ aid: null, priority: NO_PRIORITY });
      const entry = found.at(-1);
      if (!entry) continue;
      const isAid = object.length >= AID_BYTES_MIN && object.length <= AID_BYTES_MAX;
      if (object.tag === tag.aid && isAid) entry.aid = take(response, object.at, object.length);
      if (object.tag === tag.priority && object.length === 1) {
        entry.priority = response[object.at]! & 15 || NO_PRIORITY;
      }
    }
    return found
      .sort((a, b) => a.priority - b.priority)
      .flatMap(({ aid }) => (aid ? [aid] : []))
      .slice(0, PPSE_APPLICATIONS_MAX);
  },

  /** The PDOL of an application's FCI, 6F{84, A5{9F38}}: empty where it has none, null: no FCI. */
  pdol(response: Uint8Array): Uint8Array | null {
    const parsed = parseTlv(response, 0, dataLength(response));
    if (!('objects' in parsed) || findTlv(parsed.objects, tag.fci) === null) return null;
    const pdol = findTlv(parsed.objects, tag.fci, tag.fciProprietary, tag.pdol);
    return pdol ? take(response, pdol.at, pdol.length) : new Uint8Array(0);
  },

  /** DF61 anywhere in the FCI [U]; null where it is not there. */
  services(response: Uint8Array): Uint8Array | null {
    const parsed = parseTlv(response, 0, dataLength(response));
    const found = 'objects' in parsed ? findTag(parsed.objects, tag.extendedServices) : null;
    return found && take(response, found.at, found.length);
  },
};

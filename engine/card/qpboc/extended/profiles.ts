/**
 * The built-in profiles of the extended application. Its commands have one source, the bits of DF61
 * two (01 segmented fares, 02 pre-authorisation too, 80 the card makes MACs over its records);
 * file, record and key have none [U]: they are ours, and an operator's own profile replaces them.
 */
import { type Field, tripFields } from '../../journey-record.ts';
import type { ExtendedProfile } from './profile.ts';

/** The id and the length of what follows, as T-Union's variable record has them [1]. */
const HEAD_BYTES = 3;

function behindHead<T extends Readonly<Record<string, Field>>>(fields: T): T {
  const moved = Object.entries(fields).map(([name, { offset, length }]) => [
    name,
    { offset: offset + HEAD_BYTES, length },
  ]);
  return Object.fromEntries(moved) as T;
}

export const segmentedFare: ExtendedProfile = {
  name: 'segmented-fare',
  sfi: 21,
  selector: 0,
  recordId: '2701',
  read: 'plain',
  services: { from: 'fci', segmented: '03', preAuthorised: '02' },
  key: { index: 1, version: 1 },
  record: {
    length: 48,
    fields: behindHead(tripFields),
    types: { none: ['00'], entry: ['03'], exit: ['04'], single: ['06'] },
    industry: '01',
  },
};

/**
 * The same with room for what is held: all of T-Union's trip record, whose last six bytes have the
 * most that an unfinished ride costs and its longest time [2].
 */
export const heldFare: ExtendedProfile = {
  ...segmentedFare,
  name: 'held-fare',
  record: {
    ...segmentedFare.record,
    length: 51,
    fields: {
      ...segmentedFare.record.fields,
      ...behindHead({ maxIncompleteAmount: { offset: 42, length: 4 } }),
    },
  },
};

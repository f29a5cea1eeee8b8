/**
 * The built-in profile of the extended application. Its commands have one source; file, record, key
 * and the bits of DF61 have none [U]: they are ours, and an operator's own profile replaces them.
 */
import type { Field } from '../../journey-record.ts';
import { tripFields } from '../../journey-record.ts';
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
  services: { from: 'fci', segmented: '80', preAuthorised: '40' },
  key: { index: 1, version: 1 },
  record: {
    length: 48,
    fields: behindHead(tripFields),
    types: { none: ['00'], entry: ['03'], exit: ['04'], single: ['06'] },
    industry: '01',
  },
};

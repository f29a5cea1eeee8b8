/**
 * The application file locator (EMV 4.3 Book 3, 10.2): which records to read, and of which the
 * contents are static data that certificates cover.
 */
import { AFL_ENTRIES_MAX, AFL_RECORDS_MAX } from '../../card-limits.ts';

const ENTRY_BYTES = 4;

export interface FileRecord {
  readonly sfi: number;
  readonly record: number;
  readonly isSigned: boolean;
}

/** SFI<<3 ‖ first ‖ last ‖ how many of them are signed, for each entry; null where malformed. */
export function parseFileLocator(bytes: Uint8Array): readonly FileRecord[] | null {
  if (bytes.length % ENTRY_BYTES !== 0 || bytes.length > AFL_ENTRIES_MAX * ENTRY_BYTES) return null;
  const records: FileRecord[] = [];
  for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
    const sfi = bytes[at]! >> 3;
    const first = bytes[at + 1]!;
    const last = bytes[at + 2]!;
    const signed = bytes[at + 3]!;
    const isSound = (bytes[at]! & 7) === 0 && sfi >= 1 && sfi <= 30 && first >= 1 && last >= first;
    if (!isSound || signed > last - first + 1) return null;
    if (records.length + last - first + 1 > AFL_RECORDS_MAX) return null;
    for (let record = first; record <= last; record++) {
      records.push({ sfi, record, isSigned: record - first < signed });
    }
  }
  return records;
}

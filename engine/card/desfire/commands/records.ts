/**
 * Commands of a cyclic record file: ReadRecords BB (AB with ISO chaining) and WriteRecord 3B (8B).
 * Record 0 is the newest; records come oldest first. A record written waits for CommitTransaction,
 * and a file of N records shows N - 1.
 */
import { copyBytes } from '../../../bytes.ts';
import { malformed } from '../../status.ts';
import type { CommMode, DesfireDialogue, DesfireFault } from '../asks.ts';
import { type Channel, exchange } from '../channel.ts';
import { type DesfireCommand, desfireCommand } from '../statuses.ts';
import { type TransactionInput, writeLittle } from '../transaction-input.ts';

const HEADER_BYTES = 7;

/** Commands by how the card takes long data: frames after 91AF, or one APDU in chained blocks. */
export const recordCommands: Readonly<
  Record<'native' | 'iso', { readonly read: DesfireCommand; readonly write: DesfireCommand }>
> = {
  native: {
    read: desfireCommand('ReadRecords', 0xbb),
    write: desfireCommand('WriteRecord', 0x3b, true),
  },
  iso: {
    read: desfireCommand('ReadRecords', 0xab),
    write: desfireCommand('WriteRecord', 0x8b, true),
  },
};

/** A cyclic file and how it is spoken with. */
export interface RecordFile {
  readonly number: number;
  readonly mode: CommMode;
  /** Bytes of one record. */
  readonly length: number;
  /** Records that the file shows at most. */
  readonly visible: number;
  readonly commands: (typeof recordCommands)['native'];
}

/** The newest `count` records; 0: all there are. Oldest first. */
export function* readRecords(
  channel: Channel,
  file: RecordFile,
  count: number,
  input: TransactionInput,
): DesfireDialogue<Uint8Array[] | DesfireFault> {
  const { read } = file.commands;
  writeHeader(channel.buffer, file.number, 0, count);
  const expected = count === 0 ? -1 : count * file.length;
  const data = yield* exchange(channel, read, HEADER_BYTES, 0, file.mode, expected);
  if ('fault' in data) return data;
  const found = data.length / file.length;
  if (!Number.isInteger(found) || found < 1 || found > file.visible) {
    return malformed(read, `${data.length} bytes are no records of ${file.length}`);
  }
  input.addRecords(read.ins, file.number, 0, found, data);
  if (found === 1) return [data];
  return Array.from({ length: found }, (_, i) =>
    data.slice(i * file.length, (i + 1) * file.length),
  );
}

/** Writes a new record, whole. */
export function* writeRecord(
  channel: Channel,
  file: RecordFile,
  record: Uint8Array,
  input: TransactionInput,
): DesfireDialogue<null | DesfireFault> {
  const { write } = file.commands;
  writeHeader(channel.buffer, file.number, 0, record.length);
  copyBytes(record, 0, channel.buffer, 5 + HEADER_BYTES, record.length);
  const data = yield* exchange(channel, write, HEADER_BYTES, record.length, file.mode, 0);
  if ('fault' in data) return data;
  input.addRecords(write.ins, file.number, 0, record.length, record);
  return null;
}

/** FileNo ‖ record or offset 3 ‖ count or length 3. */
function writeHeader(buffer: Uint8Array, fileNumber: number, first: number, count: number): void {
  buffer[5] = fileNumber;
  writeLittle(buffer, 6, 3, first);
  writeLittle(buffer, 9, 3, count);
}

/**
 * A gate's shift counters on its disk, beside the journal: two files written in turn, so that a
 * power cut in one write leaves the other. Each holds 128 bytes, big-endian:
 *
 *     magic 4 ‖ version 1 ‖ 0 0 0 ‖ generation 6 ‖ shift 4 ‖ opened 6 ‖ first 6 ‖ through 6
 *     count 4 and amount 6, four times ‖ denied 4 ‖ people under each mode 4, ten times
 *     checksum 4 (CRC-32) of all before it, zeros up to there
 *
 * No card is in them; that they are true, the engine finds out by comparing.
 */
import { crc32 } from 'node:zlib';
import { readU32, readU48, writeU32, writeU48 } from '../../engine/bytes.ts';
import { EVENT_MODES } from '../../engine/debit/event.ts';
import type { Disk, DiskFile } from '../journal/disk.ts';
import { type ShiftState, tallyNames } from './fold.ts';

const MAGIC = 0x4647_5348;
const VERSION = 1;
const FILE_BYTES = 128;
const CHECKSUM_AT = FILE_BYTES - 4;
const TALLIES_AT = 36;
const DENIED_AT = TALLIES_AT + 10 * tallyNames.length;
const MODES_AT = DENIED_AT + 4;
const names = ['shift-0', 'shift-1'] as const;

export class ShiftFile {
  /** What an earlier process kept; null where there is nothing that can be read. */
  readonly found: ShiftState | null;
  readonly #files: readonly DiskFile[];
  #generation: number;

  private constructor(files: readonly DiskFile[], generation: number, found: ShiftState | null) {
    this.#files = files;
    this.#generation = generation;
    this.found = found;
  }

  /** Opens or makes the two files. @throws FaregateError DISK_FULL, DISK_FAILED. */
  static async open(disk: Disk): Promise<ShiftFile> {
    const present = await disk.list();
    const files: DiskFile[] = [];
    let generation = 0;
    let found: ShiftState | null = null;
    for (const name of names) {
      const fresh = !present.includes(name);
      const file = fresh ? await disk.preallocate(name, FILE_BYTES) : await disk.open(name);
      files.push(file);
      if (fresh) continue;
      const bytes = await file.read(0, FILE_BYTES);
      if (!isWhole(bytes) || readU48(bytes, 8) <= generation) continue;
      generation = readU48(bytes, 8);
      found = decode(bytes);
    }
    return new ShiftFile(files, generation, found);
  }

  /** Makes `state` durable. One at a time. @throws FaregateError DISK_FAILED. */
  async keep(state: ShiftState): Promise<void> {
    this.#generation += 1;
    const file = this.#files[this.#generation % 2]!;
    await file.write(encode(state, this.#generation), 0);
    await file.sync();
  }

  async end(): Promise<void> {
    for (const file of this.#files) await file.close();
  }
}

function isWhole(bytes: Uint8Array): boolean {
  if (bytes.length < FILE_BYTES) return false;
  if (readU32(bytes, 0) !== MAGIC || bytes[4] !== VERSION) return false;
  return crc32(bytes.subarray(0, CHECKSUM_AT)) === readU32(bytes, CHECKSUM_AT);
}

function encode(state: ShiftState, generation: number): Uint8Array {
  const out = new Uint8Array(FILE_BYTES);
  writeU32(out, 0, MAGIC);
  out[4] = VERSION;
  writeU48(out, 8, generation);
  writeU32(out, 14, state.shift);
  writeU48(out, 18, state.openedMs);
  writeU48(out, 24, state.first);
  writeU48(out, 30, state.through);
  for (const [i, name] of tallyNames.entries()) {
    writeU32(out, TALLIES_AT + 10 * i, state.counts[name].count);
    writeU48(out, TALLIES_AT + 10 * i + 4, state.counts[name].amountMinor);
  }
  writeU32(out, DENIED_AT, state.counts.denied);
  for (const [i, people] of state.counts.underMode.entries()) {
    writeU32(out, MODES_AT + 4 * i, people);
  }
  writeU32(out, CHECKSUM_AT, crc32(out.subarray(0, CHECKSUM_AT)));
  return out;
}

function decode(bytes: Uint8Array): ShiftState {
  const [confirmed, unconfirmed, voided, settlement] = tallyNames.map((_, i) => ({
    count: readU32(bytes, TALLIES_AT + 10 * i),
    amountMinor: readU48(bytes, TALLIES_AT + 10 * i + 4),
  }));
  return {
    shift: readU32(bytes, 14),
    openedMs: readU48(bytes, 18),
    first: readU48(bytes, 24),
    through: readU48(bytes, 30),
    counts: {
      confirmed: confirmed!,
      unconfirmed: unconfirmed!,
      void: voided!,
      settlement: settlement!,
      denied: readU32(bytes, DENIED_AT),
      underMode: Array.from({ length: EVENT_MODES }, (_, i) => readU32(bytes, MODES_AT + 4 * i)),
    },
  };
}

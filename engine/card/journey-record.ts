/**
 * The journey record of a card, whatever its family (T-Union's file 0x1E and its kin): where its
 * fields lie, and how they are read and written.
 */
import assert from 'node:assert/strict';
import { copyBytes } from '../bytes.ts';
import { invariant } from '../invariant.ts';
import { take } from './apdu.ts';

/** A field of a file or record. */
export interface Field {
  readonly offset: number;
  readonly length: number;
}

/** What a card's journey record says of its journey. */
export type JourneyType = 'none' | 'entry' | 'exit' | 'single' | 'unknown';

/** Fields of the journey record; a field a scheme does not have is left out, or null. */
export interface JourneyFields {
  readonly type: Field;
  readonly terminal?: Field | null;
  readonly industry?: Field | null;
  readonly station: Field;
  /** Bytes after the station code: site, gate or direction. */
  readonly stationRest?: Field | null;
  readonly amount?: Field | null;
  readonly balance?: Field | null;
  readonly dateTime: Field;
  readonly city?: Field | null;
  readonly institution?: Field | null;
  readonly maxIncompleteAmount?: Field | null;
  readonly maxTime?: Field | null;
  /** Six bytes in which gates count what a rider has spent (docs/card-counters.md). */
  readonly counters?: Field | null;
}

/** T-Union's trip record but for its last six bytes [2]. */
export const tripFields = {
  type: { offset: 0, length: 1 },
  terminal: { offset: 1, length: 8 },
  industry: { offset: 9, length: 1 },
  station: { offset: 10, length: 4 },
  stationRest: { offset: 14, length: 3 },
  amount: { offset: 17, length: 4 },
  balance: { offset: 21, length: 4 },
  dateTime: { offset: 25, length: 7 },
  city: { offset: 32, length: 2 },
  institution: { offset: 34, length: 8 },
} as const satisfies JourneyFields;

/** The record as a profile describes it. Type and industry bytes are in hexadecimal. */
export interface JourneySettings {
  /** Bytes of the whole record. */
  readonly length: number;
  readonly fields: JourneyFields;
  /** Type bytes; the first of each is the one written. */
  readonly types: Readonly<Record<'none' | 'entry' | 'exit' | 'single', readonly string[]>>;
  /** Code of the industry (metro, bus) this gate writes. */
  readonly industry: string;
}

/** Where the journey record's fields lie. A field the scheme does not have has length 0. */
export interface JourneyLayout extends Readonly<Record<keyof JourneyFields, Field>> {
  /** Bytes of the whole record. */
  readonly recordLength: number;
  /** Meaning of a type byte, by its value. */
  readonly typeOf: readonly JourneyType[];
  /** The byte written for a type. */
  readonly typeByte: Readonly<Record<Exclude<JourneyType, 'unknown'>, number>>;
  /** The industry byte this gate writes. */
  readonly industryByte: number;
}

const ABSENT: Field = { offset: 0, length: 0 };

export function journeyLayout({ fields, types, length, industry }: JourneySettings): JourneyLayout {
  const typeOf = new Array<JourneyType>(256).fill('unknown');
  for (const type of ['none', 'entry', 'exit', 'single'] as const) {
    for (const value of types[type]) typeOf[byte(value)] = type;
  }
  return {
    recordLength: length,
    type: fields.type,
    terminal: fields.terminal ?? ABSENT,
    industry: fields.industry ?? ABSENT,
    station: fields.station,
    stationRest: fields.stationRest ?? ABSENT,
    amount: fields.amount ?? ABSENT,
    balance: fields.balance ?? ABSENT,
    dateTime: fields.dateTime,
    city: fields.city ?? ABSENT,
    institution: fields.institution ?? ABSENT,
    maxIncompleteAmount: fields.maxIncompleteAmount ?? ABSENT,
    maxTime: fields.maxTime ?? ABSENT,
    counters: fields.counters ?? ABSENT,
    typeOf,
    typeByte: {
      none: byte(types.none[0]!),
      entry: byte(types.entry[0]!),
      exit: byte(types.exit[0]!),
      single: byte(types.single[0]!),
    },
    industryByte: byte(industry),
  };
}

function byte(hex: string): number {
  return Number.parseInt(hex, 16);
}

/**
 * A journey record. Byte fields have the layout's length; a shorter value is written right-aligned
 * after zeros (a terminal id of 6 bytes in a field of 8). A field the scheme does not have is
 * empty or 0 when read, and not written.
 */
export interface JourneyRecord {
  readonly type: JourneyType;
  readonly terminal: Uint8Array;
  readonly industry: number;
  /** 4 bytes. */
  readonly station: Uint8Array;
  readonly stationRest: Uint8Array;
  readonly amountMinor: number;
  readonly balanceMinor: number;
  /** YYYYMMDDhhmmss, 7 BCD bytes. */
  readonly dateTime: Uint8Array;
  readonly city: Uint8Array;
  readonly institution: Uint8Array;
  readonly maxIncompleteAmountMinor: number;
  readonly maxTime: number;
}

/** What the record says of the journey. Allocates nothing. */
export function journeyType(layout: JourneyLayout, bytes: Uint8Array): JourneyType {
  return layout.typeOf[bytes[layout.type.offset]!]!;
}

/** The whole record. A tap rather reads at the layout's offsets what it needs. */
export function readJourneyRecord(layout: JourneyLayout, bytes: Uint8Array): JourneyRecord {
  assert.equal(bytes.length, layout.recordLength);
  return {
    type: journeyType(layout, bytes),
    terminal: takeField(bytes, layout.terminal),
    industry: readUint(bytes, layout.industry),
    station: takeField(bytes, layout.station),
    stationRest: takeField(bytes, layout.stationRest),
    amountMinor: readUint(bytes, layout.amount),
    balanceMinor: readUint(bytes, layout.balance),
    dateTime: takeField(bytes, layout.dateTime),
    city: takeField(bytes, layout.city),
    institution: takeField(bytes, layout.institution),
    maxIncompleteAmountMinor: readUint(bytes, layout.maxIncompleteAmount),
    maxTime: readUint(bytes, layout.maxTime),
  };
}

/**
 * Writes the fields into `out` (the layout's record length) and leaves the bytes between them as
 * they are. Allocates nothing. The type is one the scheme has a byte for, so not `unknown`.
 */
export function writeJourneyRecord(
  layout: JourneyLayout,
  record: JourneyRecord,
  out: Uint8Array,
  at: number,
): void {
  invariant(at + layout.recordLength <= out.length, 'room for the record');
  invariant(record.type !== 'unknown', 'an unknown journey type has no byte');
  out[at + layout.type.offset] = layout.typeByte[record.type];
  writeField(out, at, layout.terminal, record.terminal);
  writeUint(out, at, layout.industry, record.industry);
  writeField(out, at, layout.station, record.station);
  writeField(out, at, layout.stationRest, record.stationRest);
  writeUint(out, at, layout.amount, record.amountMinor);
  writeUint(out, at, layout.balance, record.balanceMinor);
  writeField(out, at, layout.dateTime, record.dateTime);
  writeField(out, at, layout.city, record.city);
  writeField(out, at, layout.institution, record.institution);
  writeUint(out, at, layout.maxIncompleteAmount, record.maxIncompleteAmountMinor);
  writeUint(out, at, layout.maxTime, record.maxTime);
}

/** A copy; empty for an absent field. */
export function takeField(bytes: Uint8Array, field: Field): Uint8Array {
  return take(bytes, field.offset, field.length);
}

/** Right-aligned, after zeros. */
export function writeField(out: Uint8Array, at: number, field: Field, value: Uint8Array): void {
  if (field.length === 0) return;
  const zeros = field.length - value.length;
  invariant(zeros >= 0, 'a value longer than its field');
  const from = at + field.offset;
  for (let i = 0; i < zeros; i++) out[from + i] = 0;
  copyBytes(value, 0, out, from + zeros, value.length);
}

/** Big-endian integer of 1 to 4 bytes; 0 for an absent field. */
export function readUint(bytes: Uint8Array, field: Field): number {
  let value = 0;
  for (let i = 0; i < field.length; i++) value = value * 256 + bytes[field.offset + i]!;
  return value;
}

/** Largest number of a field, by its length. */
const UINT_MAX = [0, 0xff, 0xffff, 0xff_ffff, 0xffff_ffff] as const;

/** Big-endian, in the field's 1 to 4 bytes; an absent field is left out. */
export function writeUint(out: Uint8Array, at: number, field: Field, value: number): void {
  const { length } = field;
  const offset = at + field.offset;
  if (length === 0) return;
  invariant(value >= 0 && value <= UINT_MAX[length]!, 'a number larger than its field');
  for (let i = 0, shift = (length - 1) * 8; i < length; i++, shift -= 8) {
    out[offset + i] = value >>> shift;
  }
}

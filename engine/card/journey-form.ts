/**
 * The journey record as one gate writes it: all that is the same for every card of a scheme stands
 * ready, and a tap fills in amount, balance and time over what the card had.
 */
import { copyBytes } from '../bytes.ts';
import { invariant } from '../invariant.ts';
import {
  type JourneyLayout,
  type JourneyRecord,
  type JourneyType,
  writeJourneyRecord,
  writeUint,
} from './journey-record.ts';

/** Where the gate is, as its journey records say it. */
export interface GatePlace {
  /** Code of the station in the fare set, 4 bytes. */
  readonly station: Uint8Array;
  /** Bytes after it: site or gate. At most 3. */
  readonly stationRest: Uint8Array;
  /** At most 8 bytes; the 6 bytes of the terminal id at its end. */
  readonly terminal: Uint8Array;
  /** 2 bytes. */
  readonly city: Uint8Array;
  /** 8 bytes: who operates the gate. */
  readonly institution: Uint8Array;
}

/**
 * Writes a journey record, all of the profile's length, at `out[at]`, for the balance that the
 * debit leaves.
 */
export type JourneyWriter = (balanceAfterMinor: number, out: Uint8Array, at: number) => void;

export interface JourneyForm {
  readonly layout: JourneyLayout;
  /** FF where the record keeps what the card had, between the fields; 00 where it is written. */
  readonly keep: Uint8Array;
  /** Whether it keeps nothing. */
  readonly whole: boolean;
  /** What is written, zeros where it differs by tap or is kept. */
  readonly fixed: Uint8Array;
}

/** @param type what a tap at this gate is. */
export function journeyForm(
  layout: JourneyLayout,
  place: GatePlace,
  type: JourneyType,
): JourneyForm {
  const record: JourneyRecord = {
    type,
    terminal: place.terminal,
    industry: layout.industryByte,
    station: place.station,
    stationRest: place.stationRest,
    amountMinor: 0,
    balanceMinor: 0,
    dateTime: new Uint8Array(7),
    city: place.city,
    institution: place.institution,
    maxIncompleteAmountMinor: 0,
    maxTime: 0,
  };
  const fixed = new Uint8Array(layout.recordLength);
  const keep = new Uint8Array(layout.recordLength).fill(0xff);
  writeJourneyRecord(layout, record, fixed, 0);
  writeJourneyRecord(layout, record, keep, 0);
  for (let i = 0; i < keep.length; i++) keep[i]! ^= fixed[i]!;
  return { layout, keep, whole: keep.every((byte) => byte === 0), fixed };
}

/** A record has no number below zero. */
export function shownBalance(balanceMinor: number): number {
  return balanceMinor > 0 ? balanceMinor : 0;
}

/**
 * Writes the record at `out[at]`.
 * @param previous the card's record, as long as the layout says; null: it has none.
 * @param dateTime YYYYMMDDhhmmss, 7 BCD bytes.
 */
export function fillJourney(
  { layout, keep, whole, fixed }: JourneyForm,
  previous: Uint8Array | null,
  amountMinor: number,
  balanceMinor: number,
  dateTime: Uint8Array,
  out: Uint8Array,
  at: number,
): void {
  const { recordLength } = layout;
  invariant(at + recordLength <= out.length, 'room for the record');
  if (whole || previous === null) {
    out.set(fixed, at);
  } else {
    invariant(previous.length === recordLength, 'a record of the layout');
    for (let i = 0; i < recordLength; i++) out[at + i] = (previous[i]! & keep[i]!) | fixed[i]!;
  }
  writeUint(out, at, layout.amount, amountMinor);
  writeUint(out, at, layout.balance, shownBalance(balanceMinor));
  copyBytes(dateTime, 0, out, at + layout.dateTime.offset, layout.dateTime.length);
}

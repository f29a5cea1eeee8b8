/** The card's journey record (T-Union file 0x1E and its kin) as a tap reads and writes it. */
import { copyBytes, equalRange } from '../bytes.ts';
import type { CompiledProfile } from '../card/purse/compile.ts';
import { writeJourneyRecord } from '../card/purse/records.ts';
import { type Debit, TapKind } from '../debit/record.ts';
import type { CompiledFares } from '../fare/fares.ts';
import { readLocalDateTime, type Zone } from '../time.ts';
import type { LastJourney } from './plan.ts';
import type { GatePlace } from './setting.ts';

const NONE: LastJourney = { where: 'none', station: -1, instantMs: Number.NaN };

/** What the record says of the last journey; `none` where there is no record. */
export function journeyOf(
  profile: CompiledProfile,
  record: Uint8Array | null,
  fares: CompiledFares,
  zone: Zone,
): LastJourney {
  const layout = profile.journey?.layout;
  if (!layout || !record) return NONE;
  const type = layout.typeOf[record[layout.type.offset]!];
  if (type !== 'entry' && type !== 'exit' && type !== 'single') return NONE;
  return {
    where: type === 'entry' ? 'inside' : 'outside',
    station: fares.stationByCode(record, layout.station.offset),
    instantMs: readLocalDateTime(zone, record, layout.dateTime.offset),
  };
}

/**
 * Whether the record on the card is the one `debit` wrote. Record and balance change together (CAPP
 * purchase commits atomically), so then the debit was committed too.
 */
export function wroteJourney(
  profile: CompiledProfile,
  record: Uint8Array | null,
  debit: Debit,
): boolean {
  const layout = profile.journey?.layout;
  if (!layout || !record) return false;
  const { dateTime, terminal } = layout;
  if (!equalRange(record, dateTime.offset, debit.dateTime, 0, 7)) return false;
  return (
    terminal.length < 6 ||
    equalRange(record, terminal.offset + terminal.length - 6, debit.terminalId, 0, 6)
  );
}

/**
 * The record of this tap at `out[at]`: written over what the card had, so that bytes between fields
 * stay.
 */
export function writeJourney(
  place: GatePlace,
  profile: CompiledProfile,
  previous: Uint8Array | null,
  tapKind: TapKind,
  amountMinor: number,
  balanceMinor: number,
  dateTime: Uint8Array,
  out: Uint8Array,
  at: number,
): void {
  const { layout } = profile.journey!;
  if (previous) copyBytes(previous, 0, out, at, layout.recordLength);
  else out.fill(0, at, at + layout.recordLength);
  writeJourneyRecord(
    layout,
    {
      type: tapKind === TapKind.entry ? 'entry' : 'exit',
      terminal: place.terminal,
      industry: layout.industryByte,
      station: place.station,
      stationRest: place.stationRest,
      amountMinor,
      balanceMinor,
      dateTime,
      city: place.city,
      institution: place.institution,
      maxIncompleteAmountMinor: 0,
      maxTime: 0,
    },
    out,
    at,
  );
}

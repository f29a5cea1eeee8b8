/** The card's journey record (T-Union file 0x1E and its kin) as a tap reads it. */
import { equalRange } from '../bytes.ts';
import type { JourneyLayout } from '../card/journey-record.ts';
import type { Debit } from '../debit/record.ts';
import type { CompiledFares } from '../fare/fares.ts';
import { readLocalDateTime, type Zone } from '../time.ts';
import type { LastJourney } from './plan.ts';

const NONE: LastJourney = { where: 'none', station: -1, instantMs: Number.NaN };

/** What the record says of the last journey; `none` where there is no record. */
export function journeyOf(
  layout: JourneyLayout,
  record: Uint8Array | null,
  fares: CompiledFares,
  zone: Zone,
): LastJourney {
  if (!record) return NONE;
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
 * purchase and CommitTransaction are atomic), so then the debit was committed too.
 */
export function wroteJourney(
  layout: JourneyLayout,
  record: Uint8Array | null,
  debit: Debit,
): boolean {
  if (!record) return false;
  const { dateTime, terminal } = layout;
  if (!equalRange(record, dateTime.offset, debit.dateTime, 0, 7)) return false;
  return (
    terminal.length < 6 ||
    equalRange(record, terminal.offset + terminal.length - 6, debit.terminalId, 0, 6)
  );
}

/**
 * The shifts that gates closed, each with what differs now: records that came later than their
 * shift's event count too, though its exception stays.
 */
import type { ShiftCounts } from '../debit/event.ts';
import { Blocks } from './blocks.ts';
import { readTotal } from './books.ts';
import { readEvents } from './events.ts';
import { Heads } from './heads.ts';
import { requireLayout } from './layout.ts';
import { differencesOf, type HeldShift, type MissingRange, tallyHeld } from './shifts.ts';
import type { LedgerStore, StoreReader } from './store.ts';
import { View } from './view.ts';

export interface ShiftReport {
  readonly gateId: string;
  /** Sequence of the event that closed it. */
  readonly gateSequence: number;
  readonly shift: number;
  /** ISO 8601, by the gate's clock. */
  readonly opened: string;
  readonly closed: string;
  readonly first: number;
  readonly last: number;
  /** As the gate counted. */
  readonly counts: ShiftCounts;
  /** As it is held. */
  readonly held: HeldShift['tallies'];
  readonly missing: readonly MissingRange[];
  readonly missingCount: number;
  /** What differs, as sentences. */
  readonly differences: readonly string[];
}

/**
 * By gate and sequence; of one gate, or of all. Read on one durable state.
 * @throws FaregateError STORE_FAILED for a store of another layout.
 */
export function shiftReports(store: LedgerStore, gateId?: string): ShiftReport[] {
  return store.read((reader) => {
    requireLayout(reader);
    return [...reportsOf(reader, gateId)];
  });
}

function* reportsOf(reader: StoreReader, gateId: string | undefined): Generator<ShiftReport> {
  // Asked for rows only, so that it needs no heads.
  const view = new View(reader, new Heads(), new Blocks(), readTotal(reader, 'blocks'));
  let before: { gateId: string; last: number } | null = null;
  for (const event of readEvents(reader, gateId)) {
    if (event.event !== 'shiftClosed') continue;
    const { first, last } = event;
    const held = tallyHeld(view, event);
    const next: number = before?.gateId === event.gateId ? before.last + 1 : 1;
    const gap = next < first ? [`sequences ${next} to ${first - 1} are in no shift`] : [];
    before = { gateId: event.gateId, last };
    yield {
      gateId: event.gateId,
      gateSequence: event.gateSequence,
      shift: event.shift,
      opened: new Date(event.openedMs).toISOString(),
      closed: new Date(event.instantMs).toISOString(),
      first,
      last,
      counts: event.counts,
      held: held.tallies,
      missing: held.missing,
      missingCount: held.missingCount,
      differences: [...gap, ...differencesOf(event, held)],
    };
  }
}

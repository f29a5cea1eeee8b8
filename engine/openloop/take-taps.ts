/**
 * Takes what the ledger has that the books have not: taps since the mark of the last time, and
 * those again that no charge could be for then. The mark moves once all of it is held, so that a
 * run that was cut off reads the same again.
 */
import type { PostedMark } from '../ledger/posted.ts';
import type { ChargeBook, ReadTap, TakenTaps } from './charge-book.ts';
import type { TapReader } from './ledger-taps.ts';
import type { TapFault } from './model.ts';
import { eachRow, getRow, type OpenLoopReader, type OpenLoopStore, putRow } from './rows.ts';

/**
 * @param through the ledger's mark before anything is read
 * @param all whether everything is read: the ledger was put back from a backup
 * @throws FaregateError STORE_FAILED, LEDGER_BROKEN
 */
export async function takeTaps(
  store: OpenLoopStore,
  book: Pick<ChargeBook, 'take'>,
  reader: Pick<TapReader, 'taps' | 'tapsOf'>,
  through: PostedMark | null,
  nowMs: number,
  all: boolean,
): Promise<TakenTaps> {
  const after = all ? null : store.read(readMark);
  let [taken, known] = [0, 0];
  const faults: TapFault[] = [];
  const take = async (taps: readonly ReadTap[]) => {
    const done = await book.take(taps, nowMs);
    taken += done.taken;
    known += done.known;
    faults.push(...done.faults);
  };
  // Where everything is read they come by themselves.
  const again = after ? store.read(faultsThatMayHeal) : [];
  for (const taps of reader.tapsOf(again)) await take(taps);
  for (const taps of reader.taps(after, through)) await take(taps);
  if (through) {
    await store.transaction((writer) => {
      putRow(writer, 'meta', 'tapsBlock', through.block);
      putRow(writer, 'meta', 'tapsChange', through.change);
    });
  }
  return { taken, known, faults };
}

function readMark(reader: OpenLoopReader): PostedMark | null {
  const block = getRow(reader, 'meta', 'tapsBlock');
  const change = getRow(reader, 'meta', 'tapsChange');
  return block === undefined || change === undefined ? null : { block, change };
}

/** Of what came too late nothing can come any more. */
function faultsThatMayHeal(reader: OpenLoopReader): string[] {
  const faults = [...eachRow(reader, 'faults')];
  return faults.filter(({ row }) => row.code !== 'tooLate').map(({ key }) => key);
}

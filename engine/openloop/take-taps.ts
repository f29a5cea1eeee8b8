/**
 * Takes what the ledger has that the books have not: taps since the mark of the last time, and
 * those again that no charge could be for then; and takes back what it has voided since. The mark
 * moves once all of it is held, so that a run that was cut off reads the same again.
 */
import type { PostedMark } from '../ledger/posted.ts';
import type { ChargeBook, ReadTap, TakenTaps, WithdrawnTaps } from './charge-book.ts';
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
  book: Pick<ChargeBook, 'take' | 'withdraw'>,
  reader: Pick<TapReader, 'taps' | 'tapsOf' | 'withdrawn'>,
  through: PostedMark | null,
  nowMs: number,
  all: boolean,
): Promise<TakenTaps & WithdrawnTaps> {
  const before = store.read(readMark);
  const after = all ? null : before;
  let [taken, known, withdrawn] = [0, 0, 0];
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
  for (const taps of reader.withdrawn(after, through)) {
    const done = await book.withdraw(taps, nowMs);
    withdrawn += done.withdrawn;
    faults.push(...done.faults);
  }
  if (through) await moveMark(store, before, through);
  return { taken, known, withdrawn, faults };
}

/**
 * Where another run has moved the mark meanwhile, the lower of both stands: one of them may have
 * taken a tap that the other had read as voided already, and has to read that again.
 */
async function moveMark(
  store: OpenLoopStore,
  before: PostedMark | null,
  through: PostedMark,
): Promise<void> {
  await store.transaction((writer) => {
    const now = readMark(writer);
    const isMoved = now && (now.block !== before?.block || now.change !== before.change);
    const lower = (a: number, b: number) => (isMoved ? Math.min(a, b) : b);
    putRow(writer, 'meta', 'tapsBlock', lower(now?.block ?? 0, through.block));
    putRow(writer, 'meta', 'tapsChange', lower(now?.change ?? 0, through.change));
  });
}

function readMark(reader: OpenLoopReader): PostedMark | null {
  const block = getRow(reader, 'meta', 'tapsBlock');
  const change = getRow(reader, 'meta', 'tapsChange');
  return block === undefined || change === undefined ? null : { block, change };
}

/** Of what came too late nothing can come any more. */
function faultsThatMayHeal(reader: OpenLoopReader): string[] {
  const faults = [...eachRow(reader, 'faults')];
  const isLate = ({ code }: TapFault) => code === 'tooLate' || code === 'finalDay';
  return faults.filter(({ row }) => !isLate(row)).map(({ key }) => key);
}

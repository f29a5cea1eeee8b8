/** What `openloop show` prints: rows of the books, as JSON and in words. */

import { FaregateError } from '../errors.ts';
import { formatDay } from '../openloop/charge-file.ts';
import { type Charge, outstandingMinor } from '../openloop/model.ts';
import { exposureMinor } from '../openloop/risk.ts';
import { eachRow, getRow, liveCharges, type OpenLoopReader, rowsOf } from '../openloop/rows.ts';

export interface Shown {
  readonly what: object;
  readonly words: readonly string[];
}

/** A card, or else all charges of a day. @throws FaregateError OPEN_LOOP_REFUSED unknownCard. */
export function showOpenLoop(
  reader: OpenLoopReader,
  card: string | undefined,
  day: number | undefined,
): Shown {
  return card === undefined ? showDay(reader, day!) : showCard(reader, card);
}

function showCard(reader: OpenLoopReader, card: string): Shown {
  const row = getRow(reader, 'cards', card);
  if (!row) throw new FaregateError('OPEN_LOOP_REFUSED', 'unknownCard: no tap of it was taken');
  const days = rowsOf(reader, 'days', card);
  const charges = rowsOf(reader, 'charges', card);
  const stopped = getRow(reader, 'denied', card)?.reasons ?? [];
  const exposure = exposureMinor(row, liveCharges(reader, card));
  const words = [
    `card ${card}: verification ${row.verification.state}, at risk ${exposure}` +
      (stopped.length > 0 ? `, stopped: ${stopped.join(', ')}` : ''),
    ...days.flatMap((of) => [
      `  ${formatDay(of.day)} ${of.state}: ${of.priceMinor}, ${of.taps.length} taps`,
      ...charges.filter((charge) => charge.day === of.day).flatMap(describeCharge),
    ]),
  ];
  return { what: { ...row, stopped, exposureMinor: exposure, days, charges }, words };
}

function showDay(reader: OpenLoopReader, day: number): Shown {
  const charges: Charge[] = [];
  for (const { row } of eachRow(reader, 'charges')) if (row.day === day) charges.push(row);
  const sum = charges.reduce((total, { amountMinor }) => total + amountMinor, 0);
  const words = [
    `${formatDay(day)}: ${charges.length} charges, ${sum}`,
    ...charges.flatMap((charge) => [`card ${charge.card}`, ...describeCharge(charge)]),
  ];
  return { what: { day: formatDay(day), charges }, words };
}

function describeCharge(charge: Charge): string[] {
  const { number, state, amountMinor, reasons, attempts } = charge;
  const left = outstandingMinor(charge);
  const open = left !== 0 && left !== amountMinor ? `, ${left} left` : '';
  return [
    `    ${number === 0 ? 'charge' : `adjustment ${number}`} of ${amountMinor}: ${state}${open}` +
      (attempts > 1 ? `, presented ${attempts} times` : ''),
    ...reasons.flatMap(({ amountMinor: minor, why }) =>
      why.map((line) => `      ${minor}: ${line}`),
    ),
  ];
}

/** The two files that `account` may be given: when switches were on, and what was settled. */

import { FaregateError } from '../errors.ts';
import type { SwitchPeriod } from '../fare/account/account.ts';
import type { Settled } from '../fare/account/adjustments.ts';
import { parseInstant } from '../fare/instant.ts';
import { isFields, parseFields } from '../fields.ts';
import { SETTLED_BYTES_MAX, SWITCHES_BYTES_MAX } from '../limits.ts';
import { readText } from '../pki/files.ts';

/**
 * `switch_id,start,end`, ISO 8601 instants; `end` empty while the switch is on.
 * @throws FaregateError CONFIG_INVALID naming file, line and field; FILE_UNREADABLE
 */
export async function readSwitches(file: string): Promise<SwitchPeriod[]> {
  const text = await readWithoutMark(file, SWITCHES_BYTES_MAX);
  const [header, ...rows] = text.split(/\r?\n/);
  const fault = (line: number, message: string) =>
    new FaregateError('CONFIG_INVALID', `${file}: line ${line}: ${message}`);
  if (header !== 'switch_id,start,end') throw fault(1, 'the header is not switch_id,start,end');
  return rows.flatMap((row, index): SwitchPeriod[] => {
    if (row === '') return [];
    const line = index + 2;
    const [id, start, end, more] = row.split(',');
    if (!id || end === undefined || more !== undefined) throw fault(line, 'not three fields');
    const fromMs = parseInstant(start!);
    const toMs = end === '' ? Number.POSITIVE_INFINITY : parseInstant(end);
    if (Number.isNaN(fromMs)) throw fault(line, 'field start is not an ISO 8601 instant');
    if (Number.isNaN(toMs)) throw fault(line, 'field end is not an ISO 8601 instant');
    if (toMs < fromMs) throw fault(line, 'field end is before start');
    return [{ id, fromMs, toMs }];
  });
}

/**
 * Journeys settled before, by account: lines as `account` writes them. Accounts and journeys
 * without a price are passed over; of two lines of one account the later counts.
 * @throws FaregateError CONFIG_INVALID naming file, line and field; FILE_UNREADABLE
 */
export async function readSettled(file: string): Promise<Map<string, Settled[]>> {
  const text = await readWithoutMark(file, SETTLED_BYTES_MAX);
  const accounts = new Map<string, Settled[]>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const settled = parseSettled(line);
    if (typeof settled === 'string') {
      throw new FaregateError('CONFIG_INVALID', `${file}: line ${index + 1}: ${settled}`);
    }
    if (settled) accounts.set(settled.account, settled.journeys);
  }
  return accounts;
}

/** null for a line that is of no account; a text for one that is no line of `account`. */
function parseSettled(line: string): { account: string; journeys: Settled[] } | string | null {
  const data = parseFields(line);
  if (typeof data === 'string') return data;
  if ('error' in data) return null;
  if (typeof data.account !== 'string') return 'field account is not a text';
  if (!Array.isArray(data.journeys)) return 'field journeys is not a list';
  const journeys: Settled[] = [];
  for (const [index, journey] of (data.journeys as unknown[]).entries()) {
    const path = `field journeys[${index}]`;
    if (!isFields(journey)) return `${path} is not an object`;
    if ('error' in journey) continue;
    const { taps, amountMinor } = journey;
    const areTaps = Array.isArray(taps) && taps.every((tap) => typeof tap === 'string');
    if (!areTaps || taps.length === 0) return `${path}.taps is not a list of ids`;
    if (!Number.isSafeInteger(amountMinor)) return `${path}.amountMinor is not a whole number`;
    journeys.push({ taps: taps as string[], amountMinor: amountMinor as number });
  }
  return { account: data.account, journeys };
}

/** A text file, with or without a byte-order mark. */
async function readWithoutMark(file: string, bytesMax: number): Promise<string> {
  return (await readText(file, bytesMax)).replace(/^\ufeff/, '');
}

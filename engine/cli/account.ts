/**
 * `faregate-engine account`: taps in, one JSON object a line, of any accounts and in any order; out
 * one line for each account with its journeys, charges and total, in the order in which accounts
 * first appeared. A line that is no tap gets a line with an error; the others go on.
 */
import { type ErrorCode, FaregateError } from '../errors.ts';
import type { AccountTap, HeldPass, SwitchPeriod } from '../fare/account/account.ts';
import { adjustmentsOf, type Settled } from '../fare/account/adjustments.ts';
import { type AccountFares, accountHistory } from '../fare/account/history.ts';
import type { OpenRide } from '../fare/account/journeys.ts';
import { type AccountJourney, totalOf } from '../fare/account/price.ts';
import { parseTapLine, type TapLine } from '../fare/account/tap-lines.ts';
import { formatInstant, parseInstant } from '../fare/instant.ts';
import { formatMinor } from '../fare/money.ts';
import { ACCOUNT_INPUT_TAPS_MAX, ACCOUNT_TAPS_MAX, JOURNEY_LINE_BYTES_MAX } from '../limits.ts';
import { openAccountFares } from './account-fares.ts';
import { readSettled, readSwitches } from './account-files.ts';
import type { Args, Command, Io } from './command.ts';
import { linesOf } from './quote.ts';

export const accountCommand: Command = {
  name: 'account',
  about: 'Prices the taps of accounts: one JSON object a line in, one line an account out.',
  options: {
    fares: {
      type: 'string',
      required: true,
      value: 'DIR',
      about: 'fare set directory, or "sample" for the built-in city',
    },
    switches: {
      type: 'string',
      value: 'FILE',
      about: 'when switches of interchanges were on (switch_id,start,end)',
    },
    settled: {
      type: 'string',
      value: 'FILE',
      about: 'what this command wrote before; differences come as adjustments',
    },
    now: {
      type: 'string',
      value: 'INSTANT',
      about: 'until when taps could have been made; without it this moment',
    },
  },
  run: account,
};

/** What the lines of one account say. */
interface Asked {
  readonly name: string;
  rider: string | undefined;
  media: string | undefined;
  readonly passes: Map<string, HeldPass>;
  readonly taps: AccountTap[];
  /** What cards paid by tap; a tap that arrives twice was paid once. */
  readonly paidMinor: Map<string, number>;
}

async function account(args: Args, io: Io): Promise<number> {
  const fares = await openAccountFares(args.need('fares'));
  const [switchFile, settledFile] = [args.text('switches'), args.text('settled')];
  const switches = switchFile === undefined ? [] : await readSwitches(switchFile);
  const settled = settledFile === undefined ? null : await readSettled(settledFile);
  const nowMs = nowOf(args);
  const accounts = await readTaps(io, fares);
  for (const asked of accounts.values()) {
    const before = settled && (settled.get(asked.name) ?? []);
    io.out(JSON.stringify(answer(fares, asked, switches, before, nowMs)));
    await io.drained?.();
  }
  return 0;
}

function nowOf(args: Args): number {
  const text = args.text('now');
  if (text === undefined) return Date.now();
  const ms = parseInstant(text);
  if (!Number.isNaN(ms)) return ms;
  throw new FaregateError('USAGE', `--now takes an ISO 8601 instant with a zone, not ${text}`);
}

function passesOf({ book }: AccountFares): Set<string> {
  return new Set(book.versions.flatMap(({ rides }) => rides.terms.passes.map(({ id }) => id)));
}

/** Reads all taps by account, and tells of lines that are none. */
async function readTaps(io: Io, fares: AccountFares): Promise<Map<string, Asked>> {
  const passes = passesOf(fares);
  const { versions } = fares.book;
  const accounts = new Map<string, Asked>();
  let number = 0;
  let taps = 0;
  const refuse = (name: string | null, code: ErrorCode, message: string): void => {
    const error = { code, message: `line ${number}: ${message}` };
    io.out(JSON.stringify({ account: name, error }));
  };
  for await (const lines of linesOf(io.input)) {
    for (const line of lines) {
      number++;
      if (line !== null && line.trim() === '') continue;
      const overlong = `longer than ${JOURNEY_LINE_BYTES_MAX} bytes`;
      const parsed = line === null ? overlong : parseTapLine(line);
      if (typeof parsed === 'string') {
        refuse(null, 'TAP_INVALID', parsed);
        continue;
      }
      const unknown = parsed.passes?.find(({ pass }) => !passes.has(pass));
      if (unknown) {
        refuse(parsed.account, 'FARES_UNKNOWN_PASS', `no pass ${JSON.stringify(unknown.pass)}`);
        continue;
      }
      const { stop } = parsed.tap;
      if (!versions.some(({ frame }) => frame.has(stop))) {
        refuse(parsed.account, 'FARES_UNKNOWN_STATION', `no station ${JSON.stringify(stop)}`);
        continue;
      }
      if (++taps > ACCOUNT_INPUT_TAPS_MAX) {
        const message = `over the bound of ${ACCOUNT_INPUT_TAPS_MAX} taps`;
        throw new FaregateError('TAP_INVALID', `standard input: line ${number}: ${message}`);
      }
      const fault = add(accounts, parsed);
      if (fault !== null) refuse(parsed.account, 'TAP_INVALID', fault);
    }
    await io.drained?.();
  }
  return accounts;
}

/** Adds a line to its account; what is wrong with it, or null. */
function add(accounts: Map<string, Asked>, line: TapLine): string | null {
  let asked = accounts.get(line.account);
  if (!asked) {
    const { account: name, rider, media } = line;
    asked = { name, rider, media, passes: new Map(), taps: [], paidMinor: new Map() };
    accounts.set(name, asked);
  }
  for (const field of ['rider', 'media'] as const) {
    if (line[field] === undefined) continue;
    asked[field] ??= line[field];
    if (asked[field] !== line[field]) {
      return `field ${field} differs from that of an earlier line of the account`;
    }
  }
  if (asked.taps.length >= ACCOUNT_TAPS_MAX) {
    return `the account has over ${ACCOUNT_TAPS_MAX} taps`;
  }
  for (const held of line.passes ?? []) {
    asked.passes.set(JSON.stringify([held.pass, held.fromMs]), held);
  }
  asked.taps.push(line.tap);
  if (line.paidMinor !== undefined) asked.paidMinor.set(line.tap.id, line.paidMinor);
  return null;
}

/** The line of an account. @param settled its journeys before, null where none were asked of */
function answer(
  fares: AccountFares,
  { name, rider, media, passes, taps, paidMinor }: Asked,
  switches: readonly SwitchPeriod[],
  settled: readonly Settled[] | null,
  nowMs: number,
): object {
  const holder = { rider: rider ?? null, media: media ?? null, passes: [...passes.values()] };
  const { journeys, open, ignored } = accountHistory(fares, holder, taps, switches, nowMs);
  const { decimals, currency } = fares;
  const priced = journeys.filter((journey) => 'amountMinor' in journey);
  const adjustments = settled && adjustmentsOf(settled, priced);
  return {
    account: name,
    currency,
    journeys: journeys.map((journey) => journeyLine(journey, decimals)),
    open: open && openLine(open),
    ignored: ignored.map(({ id, atMs, why }) => ({ id, at: formatInstant(atMs), why })),
    ...totalOf(journeys, decimals),
    ...(paidMinor.size > 0 ? paidOf(paidMinor, journeys, decimals) : {}),
    // Left out of the line where no file of settled accounts was given.
    adjustments: adjustments?.map(({ amountMinor, ...each }) => ({
      ...each,
      amount: formatMinor(amountMinor, decimals),
      amountMinor,
    })),
  };
}

/** What the card has paid, and what of it is to be given back; negative: still owed. */
function paidOf(
  paid: ReadonlyMap<string, number>,
  journeys: readonly AccountJourney[],
  decimals: number,
): object {
  const paidMinor = [...paid.values()].reduce((sum, minor) => sum + minor, 0);
  const known = { paid: formatMinor(paidMinor, decimals), paidMinor };
  // What a journey without a price costs is not known, and so nothing of what was paid for it.
  if (journeys.some((journey) => 'error' in journey)) return known;
  const refundMinor = paidMinor - totalOf(journeys, decimals).totalMinor;
  return {
    ...known,
    ...{ refund: formatMinor(refundMinor, decimals), refundMinor },
  };
}

function openLine({ atMs, ...ride }: OpenRide): object {
  return { at: formatInstant(atMs), ...ride };
}

function journeyLine(journey: AccountJourney, decimals: number): object {
  const at = formatInstant(journey.atMs);
  if ('error' in journey) return { at, taps: journey.taps, error: journey.error };
  const { taps, amountMinor, items, charges, why } = journey;
  return {
    ...{ at, taps, amount: formatMinor(amountMinor, decimals), amountMinor, items },
    charges: charges.map(({ atMs, ...rest }) => ({ ...rest, at: formatInstant(atMs) })),
    why,
  };
}

/** `fares diff --journeys`: two versions of fares, of either kind, over the journeys of a file. */
import { FaregateError } from '../errors.ts';
import { changeBars } from '../fare/change-bars.ts';
import { compileFares } from '../fare/compile.ts';
import type { Currency } from '../fare/currencies.ts';
import { type Journey, parseJourney } from '../fare/journey.ts';
import { JourneyDiff, type JourneyPrice, type JourneySums } from '../fare/journey-diff.ts';
import { formatMinor } from '../fare/money.ts';
import { quoteJourney } from '../fare/quote.ts';
import { svgOf } from '../fare/svg.ts';
import { FARE_DIFF_JOURNEYS_BYTES_MAX, JOURNEY_LINE_BYTES_MAX } from '../limits.ts';
import { readBounded } from '../operator/fare-folder.ts';
import type { Args, Io } from './command.ts';
import { amountTexts, changesText, csvRow, write } from './diff-output.ts';
import type { OpenVersion } from './fares-version.ts';

const NEWLINE = 0x0a;

/** Prices every journey by both versions, whenever it is: neither has to be in force. */
export async function diffJourneys(
  args: Args,
  io: Io,
  before: OpenVersion,
  after: OpenVersion,
): Promise<number> {
  const file = args.need('journeys');
  const bytes = await readBounded(file, FARE_DIFF_JOURNEYS_BYTES_MAX, 'FILE_UNREADABLE');
  const [was, is] = [pricer(before), pricer(after)];
  const found = new JourneyDiff();
  for (const { line, number } of linesOf(bytes)) {
    const journey = parseJourney(line);
    if ('error' in journey) {
      const { code, message } = journey.error;
      throw new FaregateError(code, `${file}, line ${number}: ${message}`);
    }
    found.add(journey.id, was(journey), is(journey));
  }
  const { currency } = after;
  const [csv, svg] = [args.text('csv'), args.text('svg')];
  if (csv !== undefined) await write(csv, csvOf(found, currency));
  const [from, to] = [versionOf(before), versionOf(after)];
  const title = `Journeys by version ${to} against version ${from}`;
  if (svg !== undefined) await write(svg, svgOf([changeBars(found.counts, currency, title)]));
  const { sums } = found;
  if (args.flag('json')) {
    io.out(JSON.stringify({ before: from, after: to, currency: currency.code, ...sums }));
  } else for (const line of report(sums, currency)) io.out(line);
  return 0;
}

function versionOf(opened: OpenVersion): number {
  return opened.kind === 'gtfs' ? opened.fares.version : opened.set.version;
}

function pricer(opened: OpenVersion): (journey: Journey) => JourneyPrice {
  if (opened.kind === 'gtfs') {
    const { fares } = opened;
    return (journey) => {
      const priced = fares.price(journey);
      return 'error' in priced ? priced.error.code : priced.amountMinor;
    };
  }
  const compiled = compileFares(opened.set);
  const book = { at: () => compiled };
  return (journey) => {
    const priced = quoteJourney(book, journey);
    return 'error' in priced ? priced.error.code : priced.amountMinor;
  };
}

/** Lines that are not empty, with their numbers. */
function* linesOf(bytes: Buffer): Generator<{ readonly line: string; readonly number: number }> {
  let number = 0;
  for (let at = 0; at < bytes.length; ) {
    const found = bytes.indexOf(NEWLINE, at);
    const end = found < 0 ? bytes.length : found;
    number += 1;
    if (end - at > JOURNEY_LINE_BYTES_MAX) {
      const message = `line ${number}: longer than ${JOURNEY_LINE_BYTES_MAX} bytes`;
      throw new FaregateError('JOURNEY_INVALID', message);
    }
    const text = bytes.toString('utf8', at, end);
    const line = number === 1 ? text.replace(/^\ufeff/, '') : text;
    if (line.trim() !== '') yield { line, number };
    at = end + 1;
  }
}

function csvOf({ changes }: JourneyDiff, currency: Currency): string {
  const rows = ['id,before,after,change,before_error,after_error'];
  for (const { id, before, after } of changes) {
    const minor = (price: JourneyPrice) => (typeof price === 'number' ? price : null);
    const code = (price: JourneyPrice) => (typeof price === 'number' ? '' : price);
    const amounts = amountTexts(minor(before), minor(after), currency);
    rows.push(csvRow([String(id), ...amounts, code(before), code(after)]));
  }
  return `${rows.join('\n')}\n`;
}

function report(sums: JourneySums, currency: Currency): string[] {
  const { journeys, onlyBefore, onlyAfter, unpriced, beforeMinor, afterMinor } = sums;
  const money = (minor: number) => formatMinor(minor, currency.decimals);
  return [
    `of ${journeys} journeys ${changesText(sums, currency)}`,
    `together ${money(beforeMinor)} becomes ${money(afterMinor)} ${currency.code}`,
    ...(onlyBefore > 0 ? [`${onlyBefore} have no price any more`] : []),
    ...(onlyAfter > 0 ? [`${onlyAfter} have a price now`] : []),
    ...(unpriced > 0 ? [`${unpriced} have no price in either`] : []),
  ];
}

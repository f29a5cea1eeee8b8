/**
 * `faregate-engine fares diff`: two versions of a city's fares over all pairs of stations, before
 * the newer one goes live; and the picture of one version for `fares show`.
 */
import { writeFile } from 'node:fs/promises';
import { FaregateError } from '../errors.ts';
import { type Currency, currencyOf } from '../fare/currencies.ts';
import { changesOf, diffFares, type FareDiff, type OnlyIn } from '../fare/diff.ts';
import type { FareSet } from '../fare/fares.ts';
import { formatMinor } from '../fare/money.ts';
import { diffPicture, farePicture } from '../fare/pictures.ts';
import { svgOf } from '../fare/svg.ts';
import { tariffCurve } from '../fare/tariff-curve.ts';
import type { FareVersion } from '../fare/version.ts';
import type { Args, Command, Io } from './command.ts';
import { openVersion } from './fares-version.ts';

/** Stations and classes of only one set that are named. */
const NAMED_MAX = 8;

export const diffCommand: Command = {
  name: 'fares diff',
  about: 'Compares two versions of a station matrix over all pairs of stations.',
  options: {
    before: {
      type: 'string',
      required: true,
      value: 'DIR[@VERSION]',
      about: 'a fare set directory; without a number its newest version',
    },
    after: {
      type: 'string',
      required: true,
      value: 'DIR[@VERSION]',
      about: 'what it is compared with',
    },
    csv: { type: 'string', value: 'FILE', about: 'a row for every fare that differs' },
    svg: { type: 'string', value: 'FILE', about: 'a heat map of the changes for one rider class' },
    rider: { type: 'string', value: 'RIDER', about: 'class of the heat map (default: the first)' },
    json: { type: 'boolean', about: 'report as one JSON object' },
  },
  run: diff,
};

async function diff(args: Args, io: Io): Promise<number> {
  const before = await openVersion(args.need('before'));
  const after = await openVersion(args.need('after'));
  if (before.currency !== after.currency) {
    const message = `${before.currency} and ${after.currency} are not compared`;
    throw new FaregateError('FARES_INVALID', message);
  }
  const found = diffFares(before, after);
  const picture = pictureOf(args, found, before, after);
  const csv = args.text('csv');
  if (csv !== undefined) await write(csv, csvOf(found, currencyOf(after.currency)!));
  if (picture !== null) await write(args.need('svg'), picture);
  if (args.flag('json')) {
    const { riders, onlyStations, onlyRiders, rules } = found;
    const versions = { before: before.version, after: after.version, currency: after.currency };
    io.out(JSON.stringify({ ...versions, riders, onlyStations, onlyRiders, rules }));
  } else {
    for (const line of report(found, after)) io.out(line);
  }
  return 0;
}

/** The heat map, or null where none is asked for. @throws FaregateError USAGE. */
function pictureOf(args: Args, found: FareDiff, before: FareSet, after: FareSet): string | null {
  const rider = args.text('rider');
  if (!wantsPicture(args)) return null;
  const fares =
    rider === undefined ? found.fares[0] : found.fares.find((each) => each.rider === rider);
  if (!fares) {
    const names = found.fares.map((each) => each.rider).join(', ') || 'none';
    throw new FaregateError('USAGE', `--rider: classes that both sets have: ${names}`);
  }
  const title = `Fares of version ${after.version} against version ${before.version}`;
  return svgOf([diffPicture(fares, currencyOf(after.currency)!, title)]);
}

function wantsPicture(args: Args): boolean {
  if (args.text('svg') !== undefined) return true;
  if (args.text('rider') === undefined) return false;
  throw new FaregateError('USAGE', '--rider goes with --svg');
}

/**
 * `fares show --svg`: the fares of one rider class, the default one where none is named, and the
 * tariff that they are made of.
 */
export async function drawFares(args: Args, set: FareVersion): Promise<void> {
  const name = args.text('rider');
  if (!wantsPicture(args)) return;
  const rider = name === undefined ? 0 : set.riders.indexOf(name);
  if (rider < 0) {
    throw new FaregateError('USAGE', `--rider: the classes are ${set.riders.join(', ')}`);
  }
  const currency = currencyOf(set.currency)!;
  const drawings = [farePicture(set, rider, currency)];
  if (set.tariff) drawings.push(tariffCurve(set.tariff, set.version, currency));
  await write(args.need('svg'), svgOf(drawings));
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (cause) {
    const message = `${file}: ${(cause as Error).message}`;
    throw new FaregateError('FILE_UNWRITABLE', message, { cause });
  }
}

function csvOf(found: FareDiff, { decimals }: Currency): string {
  const rows = ['rider,from,to,before,after,change'];
  for (const { rider, from, to, beforeMinor, afterMinor } of changesOf(found)) {
    const amounts = [beforeMinor, afterMinor, afterMinor - beforeMinor];
    const texts = amounts.map((minor) => formatMinor(minor, decimals));
    rows.push([quoted(rider), quoted(from), quoted(to), ...texts].join(','));
  }
  return `${rows.join('\n')}\n`;
}

/** RFC 4180, 2.6 and 2.7. */
function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function report(found: FareDiff, { currency }: FareSet): string[] {
  const { decimals } = currencyOf(currency)!;
  const money = (minor: number) => formatMinor(minor, decimals);
  const lines = found.riders.map(({ rider, pairs, dearer, cheaper, riseMinor, fallMinor }) => {
    if (dearer + cheaper === 0) return `${rider}: none of ${pairs} pairs changes`;
    const rise = dearer > 0 ? ` (by ${money(riseMinor)} at most)` : '';
    const fall = cheaper > 0 ? ` (by ${money(fallMinor)} at most)` : '';
    return `${rider}: of ${pairs} pairs ${dearer} dearer${rise}, ${cheaper} cheaper${fall}`;
  });
  lines.push(...onlyIn('stations', found.onlyStations), ...onlyIn('riders', found.onlyRiders));
  for (const { rule, before, after } of found.rules) {
    const shown = (value: number | null) =>
      value === null ? 'refuse' : rule.endsWith('Minor') ? money(value) : String(value);
    lines.push(`${rule.replace(/Minor$/, '')}: ${shown(before)} becomes ${shown(after)}`);
  }
  return lines;
}

function onlyIn(what: string, { before, after }: OnlyIn): string[] {
  const named = (ids: readonly string[]) =>
    `${ids.slice(0, NAMED_MAX).join(', ')}${ids.length > NAMED_MAX ? ', ...' : ''}`;
  return [
    ...(before.length > 0 ? [`${what} no more: ${named(before)}`] : []),
    ...(after.length > 0 ? [`${what} new: ${named(after)}`] : []),
  ];
}

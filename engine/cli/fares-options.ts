/** Options of `fares import` as values: currency, columns, version, instant, the rules of the set. */
import { FaregateError } from '../errors.ts';
import { type Currency, currencyOf } from '../fare/currencies.ts';
import type { FareRules } from '../fare/fares.ts';
import { formatInstant, parseInstant } from '../fare/instant.ts';
import type { MatrixColumns } from '../fare/matrix.ts';
import { parseAmount } from '../fare/money.ts';
import { type GateRules, gateRules, gateRuleTables } from '../fare/terms/gate-rules.ts';
import type { FareTerms } from '../fare/terms/terms.ts';
import type { Args } from './command.ts';

export function currencyOption(args: Args): Currency {
  const code = args.need('currency');
  const currency = currencyOf(code);
  if (!currency) {
    throw new FaregateError('USAGE', `--currency: no ISO 4217 code in capitals: ${code}`);
  }
  return currency;
}

export function columnsOption(args: Args): MatrixColumns {
  const fares = args
    .list('fare')
    .flatMap((text) => text.split(','))
    .map((text) => {
      const equals = text.indexOf('=');
      const rider = text.slice(0, equals).trim();
      const column = text.slice(equals + 1).trim();
      if (equals < 1 || rider === '' || column === '') {
        throw new FaregateError('USAGE', `--fare takes RIDER=COL,..., not ${JSON.stringify(text)}`);
      }
      return { rider, column };
    });
  if (fares.length === 0) throw new FaregateError('USAGE', '--fare is required');
  const twice = fares.find(({ rider }, i) => fares.findIndex((f) => f.rider === rider) !== i);
  if (twice) throw new FaregateError('USAGE', `--fare names rider ${twice.rider} twice`);
  const fromName = args.text('name-from') ?? null;
  const toName = args.text('name-to') ?? null;
  if ((fromName === null) !== (toName === null)) {
    throw new FaregateError('USAGE', '--name-from and --name-to go together');
  }
  return { from: args.need('from'), to: args.need('to'), fromName, toName, fares };
}

export function versionOption(args: Args): number | null {
  return args.text('version') === undefined ? null : args.whole('version', 1, 1, 2 ** 32 - 1);
}

export function effectiveOption(args: Args): number {
  const text = args.text('effective');
  if (text === undefined) return 0;
  const ms = parseInstant(text);
  if (Number.isNaN(ms)) {
    const message = `--effective takes ISO 8601 with a zone, like ${formatInstant(0)}, not ${text}`;
    throw new FaregateError('USAGE', message);
  }
  return ms;
}

/** An amount in minor units, or null where the option is absent. */
export function amountOption(args: Args, { decimals }: Currency, name: string): number | null {
  const text = args.text(name);
  if (text === undefined) return null;
  const minor = parseAmount(text, decimals);
  if (typeof minor === 'string') throw new FaregateError('USAGE', `--${name}: "${text}" ${minor}`);
  return minor;
}

/**
 * The rules of a fare set: what options say, and else terms that gates can go by. Amounts default
 * to the lowest and highest fare of the default class.
 * @throws FaregateError USAGE where an option and a table say different things
 */
export function rulesOption(
  args: Args,
  currency: Currency,
  { lowestMinor, highestMinor }: FareRange,
  terms: FareTerms | null,
): FareRules {
  const amount = (name: string, otherwise: number): number =>
    amountOption(args, currency, name) ?? otherwise;
  if (
    (args.text('same-station') === undefined) !==
    (args.text('same-station-minutes') === undefined)
  ) {
    throw new FaregateError('USAGE', '--same-station and --same-station-minutes go together');
  }
  const negativeBalanceMinor = amount('negative-balance', 0);
  const own: FareRules = {
    entryBalanceMinor: amount('entry-balance', lowestMinor),
    sameStationMinor: amount('same-station', 0),
    sameStationMinutes: args.whole('same-station-minutes', 0, 1, 1440),
    overstayMinor: amount('overstay', highestMinor),
    maxMinutes: args.whole('max-minutes', 0, 1, 10_080),
    passBackSeconds: args.whole('pass-back-seconds', 30, 0, 86_400),
    missingTapMinor:
      args.text('missing-tap') === 'refuse' ? null : amount('missing-tap', highestMinor),
    ...(negativeBalanceMinor > 0 ? { negativeBalanceMinor } : {}),
  };
  return terms ? { ...own, ...ofTerms(args, own, terms) } : own;
}

/** Options of the rules that terms may decide. */
const RULE_OPTIONS = {
  entryBalanceMinor: 'entry-balance',
  missingTapMinor: 'missing-tap',
  negativeBalanceMinor: 'negative-balance',
} as const;

function ofTerms(args: Args, own: FareRules, terms: FareTerms): Partial<FareRules> {
  const decided = Object.entries(gateRules(terms)).filter(([, minor]) => minor !== null);
  for (const [name, minor] of decided as [keyof GateRules, number][]) {
    const option = RULE_OPTIONS[name];
    if (args.text(option) === undefined || own[name] === minor) continue;
    const message = `--${option} and ${gateRuleTables[name]} say different things`;
    throw new FaregateError('USAGE', message);
  }
  return Object.fromEntries(decided);
}

export interface FareRange {
  readonly lowestMinor: number;
  readonly highestMinor: number;
}

/** Lowest fare above zero and highest fare of the default class. */
export function firstRiderRange(matrix: Int32Array, stations: number): FareRange {
  const fares = matrix.subarray(0, stations ** 2).filter((fare) => fare > 0);
  const lowestMinor = fares.reduce((low, fare) => Math.min(low, fare), fares[0] ?? 0);
  return { lowestMinor, highestMinor: fares.reduce((high, fare) => Math.max(high, fare), 0) };
}

/** `fares show --svg`: the fares of a version, and the tariff that they are made of. */
import { FaregateError } from '../errors.ts';
import { currencyOf } from '../fare/currencies.ts';
import { farePicture } from '../fare/pictures.ts';
import { svgOf } from '../fare/svg.ts';
import { tariffCurve } from '../fare/tariff-curve.ts';
import type { FareVersion } from '../fare/version.ts';
import type { Args } from './command.ts';
import { write } from './diff-output.ts';
import { wantsPicture } from './fares-diff.ts';

/** Draws one rider class, the default one where none is named; nothing without `--svg`. */
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

/** How many journeys change by how much, as a drawing: cheaper ones blue, dearer ones red. */
import type { Currency } from './currencies.ts';
import { formatMinor } from './money.ts';
import { type Drawing, heading, label, line, rect } from './svg.ts';

const WIDTH = 900;
const LEFT = 60;
const TOP = 90;
const HEIGHT = 260;
/** Bars on either side of those that do not change. */
const BARS = 10;
const WIDEST = 80;
const MIDDLE = 'text-anchor="middle"';

/** @param counts of journeys by change in minor units */
export function changeBars(
  counts: ReadonlyMap<number, number>,
  currency: Currency,
  title: string,
): Drawing {
  const { low, high, unit, isWhole } = barsOf([...counts.keys()]);
  const bars = new Array<number>(high - low + 1).fill(0);
  for (const [change, count] of counts) {
    bars[Math.sign(change) * Math.ceil(Math.abs(change) / unit) - low]! += count;
  }
  const most = bars.reduce((more, count) => Math.max(more, count), 1);
  const width = Math.min(WIDEST, (WIDTH - LEFT - 20) / bars.length);
  const shapes = bars.flatMap((count, index) => {
    const middle = LEFT + (index + 0.5) * width;
    const height = count === 0 ? 0 : Math.max(1, (count / most) * HEIGHT);
    const step = index + low;
    const fill = step === 0 ? '#bbb' : step > 0 ? 'hsl(8 75% 50%)' : 'hsl(214 75% 50%)';
    const minor = formatMinor(step * unit, currency.decimals);
    const name = step === 0 ? 'same' : `${isWhole ? '' : 'to '}${step > 0 ? '+' : ''}${minor}`;
    const top = TOP + HEIGHT - height;
    return [
      rect(middle - width / 2 + 2, top, width - 4, height, fill),
      ...(count > 0 ? [label(middle, top - 5, String(count), MIDDLE)] : []),
      label(middle, TOP + HEIGHT + 18, name, MIDDLE, 10),
    ];
  });
  const about = `journeys by change in ${currency.code}; blue is cheaper, red is dearer`;
  return {
    title,
    width: WIDTH,
    height: TOP + HEIGHT + 40,
    shapes: [
      ...heading(title, about),
      ...shapes,
      line(LEFT, TOP + HEIGHT, WIDTH - 20, TOP + HEIGHT, 'stroke="#666"'),
    ],
  };
}

/**
 * Bars from the cheapest to the dearest change, one for each whole number of `unit` minor units;
 * where all changes are such, a bar holds what it names, and else what is up to it.
 */
function barsOf(changes: readonly number[]) {
  const extreme = changes.reduce((most, change) => Math.max(most, Math.abs(change)), 0);
  const common = Math.max(1, changes.reduce(divisor, 0));
  const unit = common * Math.max(1, Math.ceil(extreme / common / BARS));
  const ends = changes.map((change) => Math.sign(change) * Math.ceil(Math.abs(change) / unit));
  return {
    low: ends.reduce((least, end) => Math.min(least, end), 0),
    high: ends.reduce((most, end) => Math.max(most, end), 0),
    unit,
    isWhole: unit === common,
  };
}

/** Greatest common divisor. */
function divisor(a: number, b: number): number {
  return b === 0 ? Math.abs(a) : divisor(b, a % b);
}

/** How many journeys change by how much, as a drawing: cheaper ones blue, dearer ones red. */
import type { Currency } from './currencies.ts';
import { formatMinor } from './money.ts';
import { type Drawing, heading, label, line, rect } from './svg.ts';

const WIDTH = 900;
const LEFT = 60;
const TOP = 100;
const HEIGHT = 260;
/** Bars on either side of those that do not change. */
const BARS = 10;

/** @param counts of journeys by change in minor units */
export function changeBars(
  counts: ReadonlyMap<number, number>,
  currency: Currency,
  title: string,
): Drawing {
  const changes = [...counts.keys()];
  const extreme = changes.reduce((most, change) => Math.max(most, Math.abs(change)), 0);
  // Whole minor units a bar, so that few changes have a bar each.
  const unit = Math.max(1, Math.ceil(extreme / BARS));
  const reach = Math.ceil(extreme / unit);
  const bars = new Array<number>(2 * reach + 1).fill(0);
  for (const [change, count] of counts) {
    bars[reach + Math.sign(change) * Math.ceil(Math.abs(change) / unit)]! += count;
  }
  const most = bars.reduce((high, count) => Math.max(high, count), 1);
  const width = (WIDTH - LEFT - 20) / bars.length;
  const shapes = bars.flatMap((count, index) => {
    const x = LEFT + index * width;
    const height = count === 0 ? 0 : Math.max(1, (count / most) * HEIGHT);
    const step = index - reach;
    const fill = step === 0 ? '#bbb' : step > 0 ? 'hsl(8 75% 50%)' : 'hsl(214 75% 50%)';
    const middle = x + width / 2;
    return [
      rect(x + 2, TOP + HEIGHT - height, width - 4, height, fill),
      label(middle, TOP + HEIGHT - height - 5, String(count), 'text-anchor="middle"'),
      ...barName(step, unit, currency).map((text, row) =>
        label(middle, TOP + HEIGHT + 18 + row * 14, text, 'text-anchor="middle"', 10),
      ),
    ];
  });
  const about = `journeys by change in ${currency.code}; blue is cheaper, red is dearer`;
  return {
    title,
    width: WIDTH,
    height: TOP + HEIGHT + 60,
    shapes: [
      ...heading(title, about),
      ...shapes,
      line(LEFT, TOP + HEIGHT, WIDTH - 20, TOP + HEIGHT, 'stroke="#666"'),
    ],
  };
}

/** The change of a bar, or from what to what it goes, in lines. */
function barName(step: number, unit: number, { decimals }: Currency): string[] {
  const sign = step > 0 ? '+' : '-';
  const money = (minor: number) => `${minor === 0 ? '' : sign}${formatMinor(minor, decimals)}`;
  if (step === 0) return ['same'];
  const far = Math.abs(step) * unit;
  return unit === 1 ? [money(far)] : [money(far - unit + 1), `to ${money(far)}`];
}

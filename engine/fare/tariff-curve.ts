/**
 * The fare over the distance, for each class of riders, as a drawing: steps with their grace, the
 * highest fare, and how far apart the stations of the network are.
 */
import type { Currency } from './currencies.ts';
import { formatMinor } from './money.ts';
import { type Drawing, escaped, heading, label, line, rect, round } from './svg.ts';
import { type DistanceTariff, riderMinor, type TariffFares } from './tariff.ts';

const WIDTH = 900;
const LEFT = 80;
const TOP = 84;
/** Of the plot; classes are named to the right of it. */
const PLOT = 660;
const HEIGHT = 320;
const NAME_HEIGHT = 15;
/** Characters of a line of text below the plot. */
const TEXT_LENGTH = 125;
/** Where a class has more steps than this they are less than two points wide. */
const STEPS_MAX = 400;
const BARS = 66;
const TICKS = 8;

export function tariffCurve(fares: TariffFares, version: number, currency: Currency): Drawing {
  const money = (minor: number) => formatMinor(minor, currency.decimals);
  const metres = horizon(fares);
  const highest = fares.riders.reduce((most, r) => Math.max(most, riderMinor(r, metres)), 1);
  const step = tickOf(highest);
  const scale = {
    x: (distance: number) => LEFT + (distance / metres) * PLOT,
    y: (minor: number) => TOP + HEIGHT - (minor / (highest * 1.06)) * HEIGHT,
  };
  const tariffs = [...new Set(fares.riders.map(({ tariff }) => tariff))];
  const texts = tariffs.flatMap((tariff) => wrapped(tariffText(fares, tariff, money)));
  const bottom = TOP + HEIGHT + 56;
  const title = `Tariff of version ${version}`;
  const about = `${currency.code} by distance; grey: pairs of stations so far apart`;
  return {
    title,
    width: WIDTH,
    height: bottom + texts.length * 18 + 10,
    shapes: [
      ...heading(title, about),
      ...bars(fares, metres),
      ...axes(metres, highest, step, scale, money),
      ...tariffs.flatMap((tariff) => marks(fares, tariff, metres, scale, money)),
      ...longest(fares.longestMetres, scale),
      ...curves(fares, metres, scale),
      ...texts.map((text, index) => label(16, bottom + index * 18, text)),
    ],
  };
}

interface Scale {
  readonly x: (metres: number) => number;
  readonly y: (minor: number) => number;
}

/** How far the drawing goes: to the end of the rise, or thrice the longest ride if that is less. */
function horizon({ riders, longestMetres }: TariffFares): number {
  const ends = riders.map(({ tariff: { steps, beyond, capMinor } }) => {
    const { uptoMetres, fareMinor } = steps.at(-1)!;
    const rise = capMinor === null ? 3 * beyond.addMinor : Math.max(0, capMinor - fareMinor);
    const stretches = beyond.addMinor === 0 ? 0 : Math.ceil(rise / beyond.addMinor);
    return uptoMetres + stretches * beyond.everyMetres;
  });
  const end = ends.reduce((most, metres) => Math.max(most, metres), 0);
  return Math.max(1, longestMetres, Math.round(Math.min(1.1 * end, 3 * longestMetres)));
}

/** The least of 1, 2 and 5 with zeros behind it that makes few ticks. */
function tickOf(most: number): number {
  for (let unit = 1; ; unit *= 10) {
    const step = [unit, 2 * unit, 5 * unit].find((each) => most / each <= TICKS);
    if (step !== undefined) return step;
  }
}

function axes(
  metres: number,
  highest: number,
  step: number,
  { x, y }: Scale,
  money: (minor: number) => string,
): string[] {
  const shapes: string[] = [];
  for (let minor = 0; minor <= highest; minor += step) {
    shapes.push(line(LEFT, y(minor), LEFT + PLOT, y(minor), 'stroke="#e4e4e4"'));
    shapes.push(label(LEFT - 8, y(minor) + 4, money(minor), 'text-anchor="end"'));
  }
  const across = tickOf(metres);
  for (let at = 0; at <= metres; at += across) {
    shapes.push(line(x(at), TOP + HEIGHT, x(at), TOP + HEIGHT + 5, 'stroke="#666"'));
    shapes.push(label(x(at), TOP + HEIGHT + 20, kilometres(at), 'text-anchor="middle"'));
  }
  shapes.push(line(LEFT, TOP + HEIGHT, LEFT + PLOT, TOP + HEIGHT, 'stroke="#666"'));
  return shapes;
}

/** How many pairs of different stations are so far apart, the most common distance highest. */
function bars({ distances }: TariffFares, metres: number): string[] {
  const size = Math.sqrt(distances.length);
  const counts = new Array<number>(BARS).fill(0);
  for (let cell = 0; cell < distances.length; cell++) {
    if (Math.floor(cell / size) === cell % size) continue;
    const bar = Math.floor((distances[cell]! / metres) * BARS);
    counts[Math.min(BARS - 1, bar)]! += 1;
  }
  const most = counts.reduce((high, count) => Math.max(high, count), 1);
  return counts.flatMap((count, bar) => {
    if (count === 0) return [];
    const height = (count / most) * HEIGHT * 0.4;
    const x = LEFT + (bar * PLOT) / BARS;
    return [rect(x, TOP + HEIGHT - height, PLOT / BARS - 1, height, '#ededed')];
  });
}

/** Ends of steps with their grace, and the highest fare where a class pays it whole. */
function marks(
  fares: TariffFares,
  tariff: DistanceTariff,
  metres: number,
  { x, y }: Scale,
  money: (minor: number) => string,
): string[] {
  const ends = tariff.steps.filter(({ uptoMetres }) => uptoMetres <= metres);
  const shapes = ends.map(({ uptoMetres }) => {
    const width = Math.min(x(uptoMetres + tariff.graceMetres), LEFT + PLOT) - x(uptoMetres);
    return rect(x(uptoMetres), TOP, Math.max(0.6, width), HEIGHT, '#cfe0f5');
  });
  const { capMinor } = tariff;
  const isWhole = fares.riders.some((rider) => rider.tariff === tariff && rider.percent === 100);
  if (capMinor === null || !isWhole || riderMinor({ ...WHOLE, tariff }, metres) < capMinor) {
    return shapes;
  }
  const at = y(capMinor);
  shapes.push(line(LEFT, at, LEFT + PLOT, at, 'stroke="#b33" stroke-dasharray="6 4"'));
  shapes.push(label(LEFT + 6, at - 5, `at most ${money(capMinor)}`, 'fill-opacity="0.9"'));
  return shapes;
}

const WHOLE = { name: '', percent: 100, unitMinor: 1 };

function longest(metres: number, { x }: Scale): string[] {
  const at = x(metres);
  const anchor = at > LEFT + PLOT / 2 ? 'end' : 'start';
  const text = `longest ride ${kilometres(metres)}`;
  return [
    line(at, TOP - 6, at, TOP + HEIGHT, 'stroke="#888" stroke-dasharray="2 3"'),
    label(at + (anchor === 'end' ? -5 : 5), TOP - 8, text, `text-anchor="${anchor}"`),
  ];
}

/** A line for each class, the default one drawn last and so on top, named where it ends. */
function curves(fares: TariffFares, metres: number, scale: Scale): string[] {
  const { riders } = fares;
  const hue = (index: number) => `hsl(${Math.round((index * 360) / riders.length) + 214} 65% 42%)`;
  const paths = riders.map((rider, index) => {
    const cost = (distance: number) => scale.y(riderMinor(rider, distance));
    const steps = stepsOf(rider.tariff, metres).map((start) => {
      return `H${round(scale.x(start))}V${round(cost(start))}`;
    });
    const path = `M${LEFT} ${round(cost(0))}${steps.join('')}H${LEFT + PLOT}`;
    return `<path d="${path}" fill="none" stroke="${hue(index)}" stroke-width="2"/>`;
  });
  const ends = riders
    .map((rider, index) => ({ index, y: scale.y(riderMinor(rider, metres)) }))
    .sort((a, b) => a.y - b.y);
  let above = Number.NEGATIVE_INFINITY;
  const names = ends.map(({ index, y }) => {
    above = Math.max(y + 4, above + NAME_HEIGHT);
    const { name, percent } = riders[index]!;
    const share = percent === 100 ? '' : ` (${percent} %)`;
    const text = escaped(`${name.slice(0, 16)}${share}`);
    const x = LEFT + PLOT + 8;
    return `<text x="${x}" y="${round(above)}" font-size="12" fill="${hue(index)}">${text}</text>`;
  });
  return [...paths.reverse(), ...names];
}

/** Distances at which a new step begins, in order. */
function stepsOf({ steps, beyond, graceMetres }: DistanceTariff, metres: number): number[] {
  const over = Math.max(graceMetres, 1);
  const starts = steps.map(({ uptoMetres }) => uptoMetres + over);
  // Steps that end within the grace of the one before are never reached first.
  const first = steps.at(-1)!.uptoMetres + over;
  const stretches = Math.floor((metres - first) / beyond.everyMetres);
  const stride = Math.max(1, Math.ceil(stretches / STEPS_MAX)) * beyond.everyMetres;
  for (let at = first + stride; at <= metres; at += stride) starts.push(at);
  return starts.filter((start) => start <= metres);
}

function kilometres(metres: number): string {
  return `${round(metres / 1000)}\u00a0km`;
}

/** The tariff in words, with the classes that it is for. */
function tariffText(
  { riders }: TariffFares,
  tariff: DistanceTariff,
  money: (minor: number) => string,
): string {
  const { steps, beyond, graceMetres, capMinor } = tariff;
  const names = riders.filter((rider) => rider.tariff === tariff).map(({ name }) => name);
  const parts = steps.map((step) => `to ${kilometres(step.uptoMetres)} ${money(step.fareMinor)}`);
  const stretch = kilometres(beyond.everyMetres);
  parts.push(`beyond ${money(beyond.addMinor)} more for each begun ${stretch}`);
  if (capMinor !== null) parts.push(`at most ${money(capMinor)}`);
  if (graceMetres > 1) {
    const end = steps[0]!.uptoMetres;
    const still = `${end + graceMetres - 1} m are still of the step to ${end} m`;
    parts.push(`${graceMetres} m of grace (blue): ${still}`);
  }
  return `${names.join(', ')}: ${parts.join('; ')}`;
}

/** Words in lines of a bounded length. */
function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > TEXT_LENGTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

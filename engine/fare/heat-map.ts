/**
 * A square of stations against stations in colours, as a drawing that a planner would look at: a
 * row for each station of entry, a column for each of exit. Figures are in the tables.
 */
import { type Drawing, escaped, heading, rect, round } from './svg.ts';

const WIDTH = 900;
const MARGIN = 150;
const TOP = 215;
/** With more stations than this their names would run into each other. */
const NAMES_MAX = 110;
const NAME_LENGTH_MAX = 22;
const NOTHING = '#f2f2f2';

export interface HeatMap {
  readonly title: string;
  readonly about: string;
  readonly stations: readonly { readonly id: string; readonly name: string }[];
  /** Index of a colour of `scale` for each pair, `from * stations.length + to`; -1: none. */
  readonly steps: Int8Array;
  /** Colours from left to right; null leaves the ground. */
  readonly scale: readonly (string | null)[];
  /** What the scale goes from and to. */
  readonly legend: string;
}

export function heatMap({ title, about, stations, steps, scale, legend }: HeatMap): Drawing {
  const size = stations.length;
  const cell = Math.max(1, (WIDTH - MARGIN) / Math.max(1, size));
  const side = round(cell * size);
  const shapes: string[] = [];
  for (let from = 0; from < size; from++) shapes.push(...rowShapes(steps, scale, from, size, cell));
  const names = size <= NAMES_MAX ? stationNames(stations, cell) : [];
  return {
    title,
    width: MARGIN + side + 20,
    height: TOP + side + 20,
    shapes: [
      ...heading(title, about),
      ...scale.map((fill, step) => rect(16 + step * 18, 60, 18, 14, fill ?? NOTHING)),
      `<text x="${26 + scale.length * 18}" y="72" font-size="13" fill="#444">${escaped(legend)}</text>`,
      rect(MARGIN, TOP, side, side, NOTHING),
      ...shapes,
      ...names,
    ],
  };
}

/** Neighbours of one colour in a row are one shape. */
function rowShapes(
  steps: Int8Array,
  scale: readonly (string | null)[],
  from: number,
  size: number,
  cell: number,
): string[] {
  const shapes: string[] = [];
  for (let to = 0; to < size; ) {
    const step = steps[from * size + to]!;
    let end = to + 1;
    while (end < size && steps[from * size + end] === step) end++;
    const fill = scale[step] ?? null;
    if (fill !== null) {
      shapes.push(rect(MARGIN + to * cell, TOP + from * cell, (end - to) * cell, cell, fill));
    }
    to = end;
  }
  return shapes;
}

function stationNames(stations: HeatMap['stations'], cell: number): string[] {
  const font = round(Math.min(11, Math.max(5, cell * 0.85)));
  return stations.flatMap(({ id, name }, index) => {
    const text = escaped((name || id).slice(0, NAME_LENGTH_MAX));
    const middle = index * cell + cell / 2;
    const y = round(TOP + middle + font / 3);
    const x = round(MARGIN + middle + font / 3);
    return [
      `<text x="${MARGIN - 6}" y="${y}" font-size="${font}" text-anchor="end">${text}</text>`,
      `<text transform="translate(${x} ${TOP - 6}) rotate(-90)" font-size="${font}">${text}</text>`,
    ];
  });
}

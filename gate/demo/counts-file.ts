/**
 * What the riders of a run met at the gates, all together and by family of card, in a file, so that
 * a killed process's taps are not forgotten.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { NORMAL } from '../../engine/tap/modes.ts';
import type { GateStatus } from '../../engine/wire/gate-status.ts';
import type { TapReport } from '../controller.ts';
import { TapCounts } from '../tap-counts.ts';
import { FAMILIES, type RiderFamily } from './population.ts';

/** `city`: all of them. */
export type CountsName = 'city' | RiderFamily;

export type CityCounts = Readonly<Record<CountsName, GateStatus>>;

const names: readonly CountsName[] = ['city', ...FAMILIES.map(([family]) => family)];

export class CountsFile {
  readonly #counts: ReadonlyMap<CountsName, TapCounts>;
  readonly #path: string;

  constructor(path: string, startedMs: number) {
    this.#path = path;
    this.#counts = new Map(names.map((name) => [name, new TapCounts(name, '', startedMs)]));
    try {
      const before = JSON.parse(readFileSync(path, 'utf8')) as CityCounts;
      for (const [name, counts] of this.#counts) counts.restore(before[name]);
    } catch {
      // The first process of a run finds no file.
    }
  }

  add(family: RiderFamily, report: TapReport): void {
    for (const name of ['city', family] as const) this.#counts.get(name)!.add(report, NORMAL);
  }

  /** Writes the file whole, and gives what it wrote. */
  keep(): CityCounts {
    const counts = Object.fromEntries(
      [...this.#counts].map(([name, one]) => [name, one.status(0, 0)]),
    ) as Record<CountsName, GateStatus>;
    writeFileSync(`${this.#path}.new`, JSON.stringify(counts));
    renameSync(`${this.#path}.new`, this.#path);
    return counts;
  }
}

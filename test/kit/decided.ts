/**
 * Taps at a station that runs as a program, by the lines it prints of what it decided. On a machine
 * that stands still for a while a tap ends in `deadline`, which changes nothing: as riders do, the
 * card is then held out again.
 */
import type { Running } from './programs.ts';

/** Of what a station prints. */
export interface DecidedLine {
  readonly gate: string;
  readonly open: boolean;
  readonly reason: string;
  readonly amountMinor: number;
}

const TRIES_MAX = 20;

export class DecidedTaps {
  readonly #station: Running;
  /** Lines seen so far, by gate. */
  readonly #seen = new Map<string, number>();

  constructor(station: Running) {
    this.#station = station;
  }

  /** @param hold holds the card to the gate once, until the reader has done with it. */
  async tap(gate: string, hold: () => Promise<unknown>): Promise<DecidedLine> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      await hold();
      const line = await this.#next(gate);
      if (line.reason !== 'deadline') return line;
    }
    throw new Error(`${gate}: ${TRIES_MAX} taps ended in deadline`);
  }

  async #next(gate: string): Promise<DecidedLine> {
    const nth = (this.#seen.get(gate) ?? 0) + 1;
    this.#seen.set(gate, nth);
    const begins = `{"gate":"${gate}"`;
    const all = new RegExp(`(?:\\{"gate":"${gate}"[^\\n]*\\n[^]*?){${nth}}`);
    const lines = (await this.#station.seen(all))[0].split('\n');
    return JSON.parse(lines.filter((line) => line.startsWith(begins))[nth - 1]!) as DecidedLine;
  }
}

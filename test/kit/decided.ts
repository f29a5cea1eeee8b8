/**
 * Taps at a station that runs as a program, by the lines it prints of what it decided. On a machine
 * that stands still for a while, or whose disk does, a tap ends in `deadline`, and in `cardGone`
 * where its card's program did: neither costs the rider anything, and as riders do, the card is
 * then held out again. Such a tap may leave a void debit in the journal.
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
const tryAgain: ReadonlySet<string> = new Set(['deadline', 'cardGone']);

export class DecidedTaps {
  readonly #station: Running;
  /** Lines seen so far, by gate. */
  readonly #seen = new Map<string, number>();
  /** Taps that ended in nothing. */
  vain = 0;

  constructor(station: Running) {
    this.#station = station;
  }

  /** @param hold holds the card to the gate once, until the reader has done with it. */
  async tap(gate: string, hold: () => Promise<unknown>): Promise<DecidedLine> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      await hold();
      const line = await this.#next(gate);
      if (!tryAgain.has(line.reason)) return line;
      this.vain += 1;
    }
    throw new Error(`${gate}: ${TRIES_MAX} taps ended in nothing`);
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

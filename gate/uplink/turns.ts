/**
 * Turns to upload, shared by the gates of one station, so that after an outage a few of them send
 * at a time and the others wait in order. The one importer of fastq in the gate. fastq's list has
 * no bound and its `length()` walks it, so both the count and the bound are kept here.
 */
import fastq from 'fastq';
import { STATION_TURNS_WAITING_MAX } from '../../engine/limits.ts';

/** Ends a turn; calling it again does nothing. */
export type Release = () => void;

export interface Turns {
  /** Asks for a turn; `begin` is called with its end. False when too many wait: ask again later. */
  ask(begin: (release: Release) => void): boolean;
}

/** For a gate alone: always its turn. */
export const freeTurns: Turns = {
  ask(begin) {
    begin(() => undefined);
    return true;
  },
};

export class StationTurns implements Turns {
  readonly #queue: fastq.queue<(release: Release) => void>;
  readonly #waitingMax: number;
  #waiting = 0;
  #running = 0;

  /** `atOnce` gates may have batches under way at a time. */
  constructor(atOnce: number, waitingMax: number = STATION_TURNS_WAITING_MAX) {
    this.#waitingMax = waitingMax;
    this.#queue = fastq((begin: (release: Release) => void, done: fastq.done) => {
      this.#waiting -= 1;
      this.#running += 1;
      let ended = false;
      begin(() => {
        if (ended) return;
        ended = true;
        this.#running -= 1;
        done(null);
      });
    }, atOnce);
  }

  get waiting(): number {
    return this.#waiting;
  }

  get running(): number {
    return this.#running;
  }

  ask(begin: (release: Release) => void): boolean {
    if (this.#waiting >= this.#waitingMax) return false;
    this.#waiting += 1;
    this.#queue.push(begin);
    return true;
  }
}

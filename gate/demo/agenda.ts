/** What comes next in the simulated city: a binary heap of riders by the instant they act. */

export class Agenda {
  readonly #atMs: number[] = [];
  readonly #riders: number[] = [];

  get size(): number {
    return this.#riders.length;
  }

  /** Instant of the next event; Infinity when there is none. */
  get nextMs(): number {
    return this.#atMs[0] ?? Number.POSITIVE_INFINITY;
  }

  add(atMs: number, rider: number): void {
    let i = this.#riders.length;
    this.#atMs.push(atMs);
    this.#riders.push(rider);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (this.#atMs[parent]! <= atMs) break;
      this.#move(parent, i);
      i = parent;
    }
    this.#atMs[i] = atMs;
    this.#riders[i] = rider;
  }

  /** Removes the next event and gives its rider; -1 when there is none. */
  take(): number {
    const first = this.#riders[0];
    if (first === undefined) return -1;
    const atMs = this.#atMs.pop()!;
    const rider = this.#riders.pop()!;
    const size = this.#riders.length;
    let i = 0;
    while (size > 0) {
      let child = 2 * i + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#atMs[child + 1]! < this.#atMs[child]!) child += 1;
      if (atMs <= this.#atMs[child]!) break;
      this.#move(child, i);
      i = child;
    }
    if (size > 0) {
      this.#atMs[i] = atMs;
      this.#riders[i] = rider;
    }
    return first;
  }

  #move(from: number, to: number): void {
    this.#atMs[to] = this.#atMs[from]!;
    this.#riders[to] = this.#riders[from]!;
  }
}

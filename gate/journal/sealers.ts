/**
 * The sealers of a journal by place: every opening has its own salt, so what stands between two
 * openings is sealed under the first one's.
 */
import assert from 'node:assert/strict';
import { createSealer, type Sealer } from '../../engine/debit/seal.ts';

export class Sealers {
  readonly #key: Uint8Array;
  readonly #gateId: string;
  /** In order of position; the last one seals what is appended. */
  #spans: { readonly from: number; readonly sealer: Sealer }[] = [];

  constructor(key: Uint8Array, gateId: string) {
    this.#key = key;
    this.#gateId = gateId;
  }

  /** What stands at `from` and after it is sealed under `salt`. */
  add(from: number, salt: Uint8Array): Sealer {
    const sealer = createSealer(this.#key, this.#gateId, salt);
    this.resume(from, sealer);
    return sealer;
  }

  /** The same with a sealer made before. */
  resume(from: number, sealer: Sealer): void {
    assert(this.#spans.every((span) => span.from < from));
    this.#spans.push({ from, sealer });
  }

  /** The sealer of the frame at `position`. */
  at(position: number): Sealer {
    const span = this.#spans.findLast((candidate) => candidate.from <= position);
    assert(span);
    return span.sealer;
  }

  /** Forgets what began at `position` or later. */
  cut(position: number): void {
    this.#spans = this.#spans.filter((span) => span.from < position);
  }

  /** Forgets what ended before `position`. */
  drop(position: number): void {
    const first = this.#spans.findLastIndex((span) => span.from <= position);
    if (first > 0) this.#spans.splice(0, first);
  }
}

/**
 * Changes beside a table: open addressing over triples (high, low, verdict), low 0 where free. It
 * only ever grows; what is taken back is a verdict turned round.
 */
const SLOT_WORDS = 3;
/** Slots to a change, so that a search is short. */
const ROOM = 2;

/** What a change says of a key; unchanged where there is none. */
export const Verdict = { unchanged: 0, listed: 1, removed: 2 } as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

/** Words of a side table for up to `changes`, a power of two; 0 for none. */
export function sideWords(changes: number): number {
  return changes === 0 ? 0 : SLOT_WORDS * 2 ** Math.ceil(Math.log2(ROOM * changes));
}

export class SideTable {
  readonly words: Int32Array;
  readonly #mask: number;

  constructor(words: Int32Array) {
    this.words = words;
    this.#mask = words.length / SLOT_WORDS - 1;
  }

  verdictOf(high: number, low: number): Verdict {
    const at = this.#find(high, low);
    return this.words[at + 1] === 0 ? Verdict.unchanged : (this.words[at + 2] as Verdict);
  }

  /** Whether the key had no verdict yet. The caller keeps the number of keys within bounds. */
  set(high: number, low: number, verdict: Verdict): boolean {
    const at = this.#find(high, low);
    const fresh = this.words[at + 1] === 0;
    this.words[at] = high;
    this.words[at + 1] = low;
    this.words[at + 2] = verdict;
    return fresh;
  }

  forEach(visit: (high: number, low: number, verdict: Verdict) => void): void {
    const { words } = this;
    for (let at = 0; at < words.length; at += SLOT_WORDS) {
      if (words[at + 1] !== 0) visit(words[at]!, words[at + 1]!, words[at + 2] as Verdict);
    }
  }

  /** Where the key stands, or the free slot where it would. */
  #find(high: number, low: number): number {
    const { words } = this;
    for (let i = low & this.#mask; ; i = (i + 1) & this.#mask) {
      const at = SLOT_WORDS * i;
      if (words[at + 1] === 0 || (words[at + 1] === low && words[at] === high)) return at;
    }
  }
}

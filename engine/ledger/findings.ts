/** What `ledger check` found to disagree. */
import type { DebitId } from '../debit/record.ts';
import { LEDGER_FINDINGS_MAX } from '../limits.ts';

/** The first few disagreements in words, the others counted. */
export class Findings {
  readonly texts: string[] = [];
  count = 0;

  add(text: string): void {
    this.count++;
    if (this.texts.length < LEDGER_FINDINGS_MAX) this.texts.push(text);
  }

  /** @param what names the two values that should be equal. */
  equal(what: string, stored: unknown, computed: unknown): void {
    if (stored !== computed) this.add(`${what}: stored ${stored}, computed ${computed}`);
  }
}

export function nameOf(id: DebitId): string {
  return `debit ${id.gateId}/${id.gateSequence}`;
}

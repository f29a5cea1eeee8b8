/** What a load run hands back, as contenders are compared by it. */
import { createHash } from 'node:crypto';

/** What contenders of an ingest benchmark must agree on: debits that are posted, and their sum. */
export function answerOf(debits: number, sumMinor: number): Uint8Array {
  return createHash('sha256').update(`${debits} ${sumMinor}`).digest();
}

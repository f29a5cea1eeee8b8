/**
 * The end of a transaction: CommitTransaction C7, which puts all that waits in force at once, and
 * AbortTransaction A7, which drops it.
 */
import { take } from '../../apdu.ts';
import type { DesfireDialogue, DesfireFault } from '../asks.ts';
import { type Channel, exchange } from '../channel.ts';
import { desfireCommand } from '../statuses.ts';
import { readLittle } from '../transaction-input.ts';

const commitTransaction = desfireCommand('CommitTransaction', 0xc7);
const abortTransaction = desfireCommand('AbortTransaction', 0xa7);

const TMAC_BYTES = 12;

/** A transaction's number and MAC. */
export interface TransactionProof {
  /** Transaction MAC counter, 32 bits. */
  readonly tmc: number;
  /** 8 bytes. */
  readonly tmv: Uint8Array;
}

function proofOf(data: Uint8Array): TransactionProof {
  return { tmc: readLittle(data, 0) >>> 0, tmv: take(data, 4, 8) };
}

/**
 * Commits. `withMac` asks for the transaction's proof (option 01), which a card without transaction
 * MACs refuses (919D).
 */
export function* commitTransactionOf(
  channel: Channel,
  withMac: boolean,
): DesfireDialogue<TransactionProof | 'noProof' | DesfireFault> {
  channel.buffer[5] = 0x01;
  const header = withMac ? 1 : 0;
  const answerBytes = withMac ? TMAC_BYTES : 0;
  const data = yield* exchange(channel, commitTransaction, header, 0, 'mac', answerBytes);
  if ('fault' in data) return data;
  return withMac ? proofOf(data) : 'noProof';
}

export function* abortTransactionOf(channel: Channel): DesfireDialogue<null | DesfireFault> {
  const data = yield* exchange(channel, abortTransaction, 0, 0, 'mac', 0);
  return 'fault' in data ? data : null;
}

/**
 * What a virtual DESFire card holds until CommitTransaction: the changed value, the new record, and
 * the input of the transaction MAC; and the state that the commit makes of it.
 */
import { join, littleEndian, transactionMacValue, zeroPadded } from './crypto.ts';
import type { Application, DesfireState } from './state.ts';

export class Pending {
  /** Value after the changes, null: unchanged. */
  value: number | null = null;
  debits = 0;
  credits = 0;
  limitedCredits = 0;
  record: Uint8Array | null = null;
  readonly #input: Uint8Array[] = [];

  get isEmpty(): boolean {
    return this.value === null && this.record === null;
  }

  /** Adds a command to the input: itself, then its data, each padded with zeros. */
  add(ins: number, header: Uint8Array, data: Uint8Array = new Uint8Array(0)): void {
    this.#input.push(zeroPadded(join(Uint8Array.of(ins), header)), zeroPadded(data));
  }

  get input(): Uint8Array {
    return join(...this.#input);
  }
}

/** The card after a commit. */
export function committed(state: DesfireState, pending: Pending): DesfireState {
  const { application } = state;
  const { value, record, transactionMac } = application;
  const isLimitSet = value.limitedCreditEnabled && pending.debits > 0;
  const next: Application = {
    ...application,
    value: {
      ...value,
      value: pending.value ?? value.value,
      limitedCredit: isLimitSet ? pending.debits : value.limitedCredit - pending.limitedCredits,
    },
    record:
      pending.record === null
        ? record
        : { ...record, records: [...record.records, pending.record].slice(1 - record.size) },
    transactionMac:
      transactionMac === null
        ? null
        : {
            ...transactionMac,
            tmc: transactionMac.tmc + 1,
            tmv: transactionMacValue(
              transactionMac.key,
              transactionMac.tmc + 1,
              state.uid,
              pending.input,
            ),
          },
  };
  return {
    ...state,
    application: next,
    debitedMinor: state.debitedMinor + pending.debits,
    creditedMinor: state.creditedMinor + pending.credits + pending.limitedCredits,
  };
}

/** TMC ‖ TMV as commit answers and the file holds them. */
export function proofBytes({ transactionMac }: Application): Uint8Array {
  const { tmc, tmv } = transactionMac!;
  return join(littleEndian(tmc, 4), tmv);
}

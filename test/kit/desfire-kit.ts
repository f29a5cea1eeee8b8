/**
 * A gate that speaks with virtual DESFire cards: its profile, its key holder, and a driver that can
 * tear a card away at any command and change what it answers.
 */
import assert from 'node:assert/strict';
import type {
  DesfireAnswer,
  DesfireDialogue,
  DesfireFault,
} from '../../engine/card/desfire/asks.ts';
import { makeChannel } from '../../engine/card/desfire/channel.ts';
import type { TransactionProof } from '../../engine/card/desfire/commands/transaction.ts';
import {
  type CompiledDesfireProfile,
  compileDesfireProfile,
} from '../../engine/card/desfire/compile.ts';
import { type DesfireProfileName, desfireProfile } from '../../engine/card/desfire/profiles.ts';
import {
  commit,
  didNotCommit,
  type OpenPurse,
  openPurse,
  type PurseGate,
  prepareDebit,
} from '../../engine/card/desfire/purse.ts';
import { type PendingDebit, type Settlement, settle } from '../../engine/card/desfire/settle.ts';
import { TransactionInput } from '../../engine/card/desfire/transaction-input.ts';
import { AesKeyring } from '../../engine/crypto/aes-keyring.ts';
import { VirtualDesfireCard } from '../../gate/reader/virtual/desfire/card.ts';
import {
  type DesfireDetails,
  type DesfireState,
  type Generation,
  issueDesfire,
} from '../../gate/reader/virtual/desfire/state.ts';
import { AesCardKeys } from '../../gate/sam/aes-card-keys.ts';
import { AesKeyringHolder } from '../../gate/sam/aes-holder.ts';

const filled = (byte: number) => new Uint8Array(16).fill(byte);

export const masters = {
  debit: filled(0x11),
  load: filled(0x22),
  transactionMac: filled(0x33),
  identity: filled(0x44),
};

export const UID = Uint8Array.of(0x04, 0x78, 0x2e, 0x21, 0x80, 0x1d, 0x80);

/** Bytes that count up, so that a failing test can be run again. */
export function countingBytes(seed = 1): (length: number) => Uint8Array {
  let next = seed;
  return (length) => Uint8Array.from({ length }, () => (next = (next * 73 + 41) & 0xff));
}

export interface Tear {
  /** The nth command of the tap, from 1. */
  readonly command: number;
  readonly when: 'before' | 'during' | 'after';
}

/** May change an answer; `command` counts from 1. */
export type Tamper = (answer: Uint8Array, command: number) => Uint8Array;

export class DesfireKit {
  readonly profile: CompiledDesfireProfile;
  readonly holder: AesKeyringHolder;
  readonly gate: PurseGate;
  readonly generation: Generation;
  /** Commands of the last dialogue, as they were sent. */
  readonly sent: Uint8Array[] = [];

  constructor(name: DesfireProfileName, options: { transactionMacKey?: boolean } = {}) {
    this.profile = compileDesfireProfile(desfireProfile(name));
    this.generation = name.slice('desfire-'.length) as Generation;
    const keyring = new AesKeyring([
      { use: 'debit', version: 1, master: masters.debit },
      { use: 'load', version: 1, master: masters.load },
      { use: 'identity', version: 1, master: masters.identity },
      ...(options.transactionMacKey === false
        ? []
        : [{ use: 'transactionMac' as const, version: 1, master: masters.transactionMac }]),
    ]);
    this.holder = new AesKeyringHolder(keyring, new AesCardKeys(keyring, 16), countingBytes(7));
    this.gate = {
      channel: makeChannel(),
      input: new TransactionInput(),
      prepareKey: (key) => this.holder.prepare(key),
    };
  }

  card(details: DesfireDetails = {}, commit?: (state: DesfireState) => void): VirtualDesfireCard {
    const state = issueDesfire(this.generation, UID, masters, { valueMinor: 5000, ...details });
    return new VirtualDesfireCard({
      state,
      randomBytes: countingBytes(3),
      ...(commit ? { commit } : {}),
    });
  }

  record(type: number, serial: number): Uint8Array {
    const record = new Uint8Array(this.profile.recordFile.length);
    record[0] = type;
    record[7] = serial;
    return record;
  }

  /** Runs a dialogue with a card that stays, whose answers `tamper` may change. */
  run<R>(card: VirtualDesfireCard, dialogue: DesfireDialogue<R>, tear?: Tear, tamper?: Tamper): R {
    let step = dialogue.next();
    let commands = this.sent.length;
    let present = true;
    while (!step.done) {
      const ask = step.value;
      let answer: DesfireAnswer = null;
      if (ask.ask !== 'card') {
        answer = this.holder.answer(ask);
      } else if (present) {
        ask.meanwhile?.();
        commands += 1;
        this.sent.push(ask.apdu.slice());
        present = tear?.command !== commands;
        if (present) answer = card.transmit(ask.apdu);
        else if (tear?.when === 'during') card.loseDuring(ask.apdu);
        else if (tear?.when === 'after') card.transmit(ask.apdu);
        if (answer !== null && tamper) answer = tamper(answer as Uint8Array, commands);
      }
      step = dialogue.next(answer);
    }
    return step.value;
  }

  /** Opens a purse that must open. */
  open(card: VirtualDesfireCard, use: 'debit' | 'load' = 'debit'): OpenPurse {
    card.power();
    this.sent.length = 0;
    const purse = this.run(card, openPurse(this.gate, this.profile, use, card.uid));
    assert(!('fault' in purse), JSON.stringify(purse));
    return purse;
  }

  /** One tap as a gate does it: settles what is pending, debits, commits. */
  tap(
    card: VirtualDesfireCard,
    amountMinor: number,
    record: Uint8Array,
    options: { pending?: PendingDebit | null; tear?: Tear; tamper?: Tamper } = {},
  ): TapEnd {
    card.power();
    this.sent.length = 0;
    return this.run(
      card,
      this.#tap(card, amountMinor, record, options.pending ?? null),
      options.tear,
      options.tamper,
    );
  }

  *#tap(
    card: VirtualDesfireCard,
    amountMinor: number,
    record: Uint8Array,
    pending: PendingDebit | null,
  ): DesfireDialogue<TapEnd> {
    const end: TapEnd = { settlement: null, pending, fault: null, proof: null };
    const purse = yield* openPurse(this.gate, this.profile, 'debit', card.uid);
    if ('fault' in purse) return { ...end, fault: purse };
    let settlement: Settlement | null = null;
    if (pending) {
      const said = yield* settle(purse, pending);
      if ('fault' in said) return { ...end, fault: said };
      settlement = said;
      // Paid already: it is let through, and nothing is charged.
      if (said.state === 'committed') return { ...end, settlement, pending: null };
    }
    const prepared = yield* prepareDebit(purse, amountMinor, record);
    if (prepared === 'insufficient') return { ...end, settlement, pending: null };
    if (prepared) return { ...end, settlement, pending: null, fault: prepared };
    const debit: PendingDebit = {
      valueBeforeMinor: purse.valueMinor,
      amountMinor,
      recordBefore: purse.newest,
      recordWritten: record,
      input: purse.input.bytes(),
    };
    const proof = yield* commit(purse);
    if (proof === 'noProof' || !('fault' in proof)) {
      return { settlement, pending: null, fault: null, proof };
    }
    return { settlement, pending: didNotCommit(proof) ? null : debit, fault: proof, proof: null };
  }
}

export interface TapEnd {
  readonly settlement: Settlement | null;
  /** What is unsettled after the tap. */
  readonly pending: PendingDebit | null;
  readonly fault: DesfireFault | null;
  readonly proof: TransactionProof | 'noProof' | null;
}

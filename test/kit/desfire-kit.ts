/**
 * A gate that speaks with virtual DESFire cards: its profile, its key holder, and a driver that can
 * tear a card away at any command and change what it answers.
 */
import assert from 'node:assert/strict';
import type { DesfireDialogue, DesfireFault } from '../../engine/card/desfire/asks.ts';
import type { TransactionProof } from '../../engine/card/desfire/commands/transaction.ts';
import {
  type CompiledDesfireProfile,
  compileDesfireProfile,
} from '../../engine/card/desfire/compile.ts';
import { type DesfireProfileName, desfireProfile } from '../../engine/card/desfire/profiles.ts';
import {
  commit,
  didNotCommit,
  makePurseGate,
  type OpenPurse,
  openPurse,
  type PurseGate,
  prepareDebit,
} from '../../engine/card/desfire/purse.ts';
import type { Answer } from '../../engine/card/dialogue.ts';
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
    this.holder = new AesKeyringHolder(new AesCardKeys(keyring, 16), countingBytes(7));
    this.gate = makePurseGate((key) => this.holder.prepare(key));
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
      let answer: Answer = null;
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

  /** One debit as a gate makes it, without a gate's rules. */
  tap(
    card: VirtualDesfireCard,
    amountMinor: number,
    record: Uint8Array,
    options: { tear?: Tear; tamper?: Tamper } = {},
  ): TapEnd {
    card.power();
    this.sent.length = 0;
    const dialogue = this.#tap(card, amountMinor, record);
    return this.run(card, dialogue, options.tear, options.tamper);
  }

  *#tap(
    card: VirtualDesfireCard,
    amountMinor: number,
    record: Uint8Array,
  ): DesfireDialogue<TapEnd> {
    const end: TapEnd = { pending: false, fault: null, proof: null };
    const purse = yield* openPurse(this.gate, this.profile, 'debit', card.uid);
    if ('fault' in purse) return { ...end, fault: purse };
    const prepared = yield* prepareDebit(purse, amountMinor, record);
    if (prepared === 'insufficient') return end;
    if (prepared) return { ...end, fault: prepared };
    const proof = yield* commit(purse);
    if (proof === 'noProof' || !('fault' in proof)) return { ...end, proof };
    return { pending: !didNotCommit(proof), fault: proof, proof: null };
  }
}

export interface TapEnd {
  /** Whether it may have been committed or not. */
  readonly pending: boolean;
  readonly fault: DesfireFault | null;
  readonly proof: TransactionProof | 'noProof' | null;
}

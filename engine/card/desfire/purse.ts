/**
 * An AES closed-loop purse as a tap uses it: a value file and a cyclic file of journey records in
 * one application, and one CommitTransaction that puts a debit and its record in force together.
 * The fewest exchanges of a debit are eight APDUs: select, authenticate (2), GetValue, ReadRecords,
 * Debit, WriteRecord, CommitTransaction.
 *
 * Until the commit is sent nothing has happened, whatever was answered: a card that leaves, or any
 * error, drops what waits. After it was sent, only `didNotCommit` or the card's next session says
 * what became.
 */
import { invariant } from '../../invariant.ts';
import { take } from '../apdu.ts';
import type { AesKeyRef, AuthenticationKind, DesfireDialogue, DesfireFault } from './asks.ts';
import { authenticate } from './authenticate.ts';
import { type Channel, makeChannel } from './channel.ts';
import { readCardUid, readVersionUid, select, UID_BYTES } from './commands/identity.ts';
import { readRecords, writeRecord } from './commands/records.ts';
import {
  abortTransactionOf,
  commitTransactionOf,
  type TransactionProof,
} from './commands/transaction.ts';
import { changeValue, credit, debit, limitedCredit, readValue } from './commands/value.ts';
import { type CompiledDesfireProfile, cardKeyRef } from './compile.ts';
import { SW_BOUNDARY } from './statuses.ts';
import { TransactionInput } from './transaction-input.ts';

/** Whether this is a tap at a gate or at a load terminal. */
export type PurseUse = 'debit' | 'load';

/** A purse whose session is open and whose value and newest record are known. */
export interface OpenPurse {
  readonly profile: CompiledDesfireProfile;
  readonly channel: Channel;
  /** 7 bytes. */
  readonly uid: Uint8Array;
  readonly valueMinor: number;
  /** The newest journey record, as long as the profile says. */
  readonly newest: Uint8Array;
  /** What the card has put into its transaction MAC so far. */
  readonly input: TransactionInput;
}

/** What a gate brings to a tap; its own, since one tap is at a time. */
export interface PurseGate {
  readonly channel: Channel;
  readonly input: TransactionInput;
  /** Makes the card's key ready while a command is on the air; a hint. */
  readonly prepareKey: (key: AesKeyRef) => void;
}

export function makePurseGate(prepareKey: PurseGate['prepareKey']): PurseGate {
  return { channel: makeChannel(), input: new TransactionInput(), prepareKey };
}

/** An application that the card has. */
export interface SelectedApplication {
  readonly profile: CompiledDesfireProfile;
  /** 7 bytes; null where only a session tells it. */
  readonly uid: Uint8Array | null;
  /** The card's key, where the UID is known. */
  readonly key: AesKeyRef | null;
}

/**
 * Selects a profile's application, and makes the card's key ready where its UID is open.
 * @param linkUid what anticollision gave: 7 bytes are the UID, anything else is asked of the card.
 */
export function* selectApplication(
  gate: PurseGate,
  profile: CompiledDesfireProfile,
  use: PurseUse,
  linkUid: Uint8Array,
): DesfireDialogue<SelectedApplication | DesfireFault> {
  const { channel, input } = gate;
  const { settings, aid, selectByName } = profile;
  channel.frameBytes = settings.frameBytes;
  channel.session = 'none';
  input.clear();
  let uid: Uint8Array | DesfireFault | null = null;
  if (settings.keys.identity === null) {
    uid = linkUid.length === UID_BYTES ? take(linkUid, 0, UID_BYTES) : null;
    uid ??= yield* readVersionUid(channel);
    if ('fault' in uid) return uid;
  }
  const key = uid === null ? null : cardKeyRef(profile, use, uid);
  const meanwhile = key === null ? null : () => gate.prepareKey(key);
  const unselected = yield* select(channel, aid, selectByName, meanwhile);
  return unselected ?? { profile, uid, key };
}

/** Opens a session with the selected application, and reads value and newest record. */
export function* enterPurse(
  { channel, input }: PurseGate,
  { profile, uid: openUid, key: openKey }: SelectedApplication,
  use: PurseUse,
): DesfireDialogue<OpenPurse | DesfireFault> {
  const { settings } = profile;
  const { identity } = settings.keys;
  let kind: AuthenticationKind = settings.authentication === 'ev1' ? 'ev1' : 'ev2First';
  let uid: Uint8Array | DesfireFault | null = openUid;
  let key = openKey;
  if (identity !== null) {
    const common = cardKeyRef(profile, 'identity', new Uint8Array(UID_BYTES));
    const unknown = yield* authenticate(channel, kind, identity.number, common);
    if (unknown) return unknown;
    uid = yield* readCardUid(channel);
    if ('fault' in uid) return uid;
    key = cardKeyRef(profile, use, uid);
    kind = 'ev2NonFirst';
  }
  const number = settings.keys[use]!.number;
  const refused = yield* authenticate(channel, kind, number, key!);
  if (refused) return refused;
  const valueMinor = yield* readValue(channel, settings.valueFile, input);
  if (typeof valueMinor !== 'number') return valueMinor;
  const records = yield* readRecords(channel, profile.recordFile, 1, input);
  if ('fault' in records) return records;
  return { profile, channel, uid: uid!, valueMinor, newest: records[0]!, input };
}

/** `selectApplication` and `enterPurse`, where the card can have one application only. */
export function* openPurse(
  gate: PurseGate,
  profile: CompiledDesfireProfile,
  use: PurseUse,
  linkUid: Uint8Array,
): DesfireDialogue<OpenPurse | DesfireFault> {
  const selected = yield* selectApplication(gate, profile, use, linkUid);
  return 'fault' in selected ? selected : yield* enterPurse(gate, selected, use);
}

/**
 * Debits and writes the record; both wait for `commit`.
 * @param amountMinor 0 to 2^31 - 1; 0 writes the record alone, as an entry does.
 * @param record as long as the profile says.
 */
export function* prepareDebit(
  purse: OpenPurse,
  amountMinor: number,
  record: Uint8Array,
): DesfireDialogue<null | 'insufficient' | DesfireFault> {
  invariant(amountMinor >= 0 && amountMinor <= 0x7fff_ffff, 'an amount of 31 bits');
  return yield* prepare(purse, debit, amountMinor, record);
}

/**
 * Credits and writes the record; both wait for `commit`. `limited` gives back no more than the last
 * debit took, where the file allows it at all.
 */
export function* prepareCredit(
  purse: OpenPurse,
  amountMinor: number,
  limited: boolean,
  record: Uint8Array,
): DesfireDialogue<null | 'outOfBounds' | DesfireFault> {
  invariant(amountMinor > 0 && amountMinor <= 0x7fff_ffff, 'an amount of 31 bits');
  const command = limited ? limitedCredit : credit;
  const said = yield* prepare(purse, command, amountMinor, record);
  return said === 'insufficient' ? 'outOfBounds' : said;
}

function* prepare(
  { profile, channel, input }: OpenPurse,
  command: typeof debit,
  amountMinor: number,
  record: Uint8Array,
): DesfireDialogue<null | 'insufficient' | DesfireFault> {
  invariant(record.length === profile.recordFile.length, 'a record of the layout');
  if (amountMinor > 0) {
    const { valueFile } = profile.settings;
    const fault = yield* changeValue(channel, command, valueFile, amountMinor, input);
    if (fault?.fault === 'status' && fault.sw === SW_BOUNDARY) return 'insufficient';
    if (fault) return fault;
  }
  return yield* writeRecord(channel, profile.recordFile, record, input);
}

/** The point of no return. `noProof`: committed, by a card without transaction MACs. */
export function commit(
  purse: OpenPurse,
): DesfireDialogue<TransactionProof | 'noProof' | DesfireFault> {
  return commitTransactionOf(purse.channel, purse.profile.settings.transactionMac !== null);
}

/** Drops what waits, and what was read from the transaction's input; the session stays. */
export function* abandon(purse: OpenPurse): DesfireDialogue<null | DesfireFault> {
  const fault = yield* abortTransactionOf(purse.channel);
  if (!fault) purse.input.clear();
  return fault;
}

/** Statuses of a command that was refused before it did anything. */
const REFUSED_BEFORE: readonly number[] = [0x910c, 0x911c, 0x911e, 0x917e, 0x919d, 0x919e, 0x91ae];

/**
 * Whether a fault of `commit` says that nothing was committed. Everything else leaves it open: the
 * card left, its answer did not verify, its memory failed.
 */
export function didNotCommit(fault: DesfireFault): boolean {
  return fault.fault === 'status' && REFUSED_BEFORE.includes(fault.sw);
}

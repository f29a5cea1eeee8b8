/**
 * A DESFire card from the factory's state to a purse of a profile, without money (docs/desfire.md).
 * Each change is one command that the card does whole or not at all, and before each the card is
 * asked whether it is done already. So a card that was torn away anywhere is put on again and goes
 * on from there; one that is complete is only checked.
 *
 * The card's key is changed first, then the application is made and all its keys are changed; files
 * come after that, and the value file last. So no card has a value under a key of the factory.
 */
import { equalBytes, toHex } from '../../../bytes.ts';
import type { AesKeyRef, AesKeyUse, AuthenticationKind, DesfireFault } from '../asks.ts';
import { authenticate } from '../authenticate.ts';
import type { Channel } from '../channel.ts';
import { readVersion, select } from '../commands/identity.ts';
import { readRecords, writeRecord } from '../commands/records.ts';
import { commitTransactionOf } from '../commands/transaction.ts';
import { readValue } from '../commands/value.ts';
import { cardKeyRef } from '../compile.ts';
import type { TransactionInput } from '../transaction-input.ts';
import { factoryKey, type IssuingDialogue } from './asks.ts';
import { changeFactoryKey, changeKeyTo, readKeyVersion } from './keys.ts';
import {
  APPLICATION_SETTINGS,
  CARD_AID,
  type IssuingPlan,
  type PlannedFile,
  recordsIn,
} from './plan.ts';
import {
  createApplicationOf,
  createFile,
  createProofFile,
  keySettingsOf,
  readApplicationIds,
  readFileIds,
  readFileSettings,
  readKeySettings,
} from './structure.ts';

/** One change of the card. */
export type IssuingStep =
  | 'card key'
  | 'application'
  | `key ${number}`
  | `file ${number}`
  | 'first record';

/** Why a card is not issued, and what of it is worth a look. */
export const issuingRefusals = {
  notDesfire: 'not a DESFire card, or one that knows no AES keys',
  light: 'a DESFire Light: its application and files are made in the factory',
  generation: 'the profile speaks EV2, and this is an EV1 card',
  uidHidden: 'the card hides its UID before its keys are known',
  uidDiffers: 'the card tells another UID than the reader found: its keys would be of another card',
  notBlank: 'not a blank card: other applications are on it, under the key of the factory',
  foreignKey: "the card's master key is neither the factory's nor of this version",
  wrongKey: "the card's master key has the right version and is another key",
  foreignApplication: 'the application has keys or settings that are not those of this issuer',
  filesDiffer: 'the application has a file that is not as the profile says',
  noSpace: 'no space left on the card',
} as const;
export type IssuingRefusal = keyof typeof issuingRefusals;

export type IssuingEnd = IssuingResult & {
  /** What was changed now, in order. */
  readonly done: readonly IssuingStep[];
  /** 7 bytes; null: not known. */
  readonly uid: Uint8Array | null;
};

export type IssuingResult =
  /** All is as the profile says, and the keys were proved. `used`: it has been to a gate before. */
  | { readonly outcome: 'issued'; readonly valueMinor: number; readonly used: boolean }
  /** Of a look: the first change that it lacks. */
  | { readonly outcome: 'lacks'; readonly next: IssuingStep }
  | { readonly outcome: 'refused'; readonly why: IssuingRefusal; readonly detail: string }
  /** `during`: the change under way, which may have been done or not; null: none was. */
  | {
      readonly outcome: 'fault';
      readonly fault: DesfireFault;
      readonly during: IssuingStep | null;
    };

/** What a station brings; its own, since one card is at a time. */
export interface IssuingPlace {
  readonly channel: Channel;
  readonly input: TransactionInput;
}

/** All changes that a blank card needs, in order. */
export function issuingSteps({ keys, files }: IssuingPlan): IssuingStep[] {
  return [
    'card key',
    'application',
    ...keys.map(({ number }): IssuingStep => `key ${number}`),
    ...files.map(({ number }): IssuingStep => `file ${number}`),
    'first record',
  ];
}

/**
 * @param linkUid what anticollision gave; if it has 7 bytes it must be the UID that the card tells.
 * @param isLook ends before the first change.
 */
export function* personalise(
  place: IssuingPlace,
  plan: IssuingPlan,
  linkUid: Uint8Array,
  isLook: boolean,
): IssuingDialogue<IssuingEnd> {
  const issuing = new Issuing(place, plan, isLook);
  const result = yield* issuing.run(linkUid);
  return { ...result, done: issuing.done, uid: issuing.uid };
}

/** AES keys of another type or another value. */
const SW_WRONG_KEY = 0x91ae;
/** What was enciphered under another key than the card has. */
const SW_INTEGRITY = 0x911e;
const SW_NO_SUCH_KEY = 0x9140;
const SW_NO_SPACE: readonly number[] = [0x910e, 0x91ce];
const TYPE_LIGHT = 0x08;
/** The upper half says what carries the chip. */
const TYPE_DESFIRE = 0x01;
const MAJOR_EV1 = 0x01;

class Issuing {
  readonly done: IssuingStep[] = [];
  uid: Uint8Array | null = null;
  readonly #place: IssuingPlace;
  readonly #plan: IssuingPlan;
  readonly #isLook: boolean;
  readonly #kind: AuthenticationKind;
  #recordCount = 0;

  constructor(place: IssuingPlace, plan: IssuingPlan, isLook: boolean) {
    this.#place = place;
    this.#plan = plan;
    this.#isLook = isLook;
    const { settings } = plan.profile;
    this.#kind = settings.authentication === 'ev1' ? 'ev1' : 'ev2First';
    place.channel.frameBytes = settings.frameBytes;
    place.channel.session = 'none';
    place.input.clear();
  }

  *run(linkUid: Uint8Array): IssuingDialogue<IssuingResult> {
    return (
      (yield* this.#identify(linkUid)) ??
      (yield* this.#takeCard()) ??
      (yield* this.#takeApplication()) ??
      (yield* this.#takeKeys()) ??
      (yield* this.#makeFiles()) ??
      (yield* this.#proveKeys()) ??
      (yield* this.#finish())
    );
  }

  *#identify(linkUid: Uint8Array): IssuingDialogue<IssuingResult | null> {
    const { channel } = this.#place;
    // Before anything is selected: a DESFire Light has no SelectApplication.
    const version = yield* readVersion(channel);
    if ('fault' in version) return failed(version);
    const { type, major, uid } = version;
    const detail = `type ${hex(type)}, version ${hex(major)}`;
    if (type === TYPE_LIGHT) return refused('light', detail);
    if ((type & 0x0f) !== TYPE_DESFIRE || major < MAJOR_EV1) return refused('notDesfire', detail);
    if (major === MAJOR_EV1 && this.#kind !== 'ev1') return refused('generation', detail);
    if (uid === null) return refused('uidHidden', '');
    // Nothing proves this UID yet, and the card's keys are made of it.
    if (linkUid.length === uid.length && !equalBytes(linkUid, uid)) {
      return refused('uidDiffers', `${toHex(uid)}, ${toHex(linkUid)}`);
    }
    this.uid = uid;
    const unselected = yield* select(channel, CARD_AID, null);
    return unselected ? failed(unselected) : null;
  }

  /** Gives the card its key, if it has the factory's, and opens a session under it. */
  *#takeCard(): IssuingDialogue<IssuingResult | null> {
    const { channel } = this.#place;
    const key = this.#key('card');
    const version = yield* readKeyVersion(channel, 0);
    if (typeof version !== 'number') return failed(version);
    if (version === 0) {
      const others = yield* readApplicationIds(channel);
      if ('fault' in others) return failed(others);
      if (others.length > 0) return refused('notBlank', others.map(toHex).join(' '));
      const stop = yield* this.#change('card key', () => changeFactoryKey(channel, key));
      const isOther = stop?.outcome === 'fault' && isStatus(stop.fault, SW_WRONG_KEY);
      if (isOther) return refused('wrongKey', 'version 0');
      if (stop) return stop;
    } else if (version !== key.version) {
      return refused('foreignKey', `version ${version}`);
    }
    return yield* this.#open(0, key, 'wrongKey');
  }

  /** Makes the application, if the card has none, and selects it. */
  *#takeApplication(): IssuingDialogue<IssuingResult | null> {
    const { channel } = this.#place;
    const { aid, keys } = this.#plan;
    const all = yield* readApplicationIds(channel);
    if ('fault' in all) return failed(all);
    if (!all.some((each) => equalBytes(each, aid))) {
      const stop = yield* this.#change('application', () =>
        createApplicationOf(channel, aid, APPLICATION_SETTINGS, keys.length),
      );
      if (stop) return stop;
    }
    const unselected = yield* select(channel, aid, null);
    return unselected ? failed(unselected) : null;
  }

  /** Changes every key that is still the factory's; afterwards the master key's session is open. */
  *#takeKeys(): IssuingDialogue<IssuingResult | null> {
    const { channel } = this.#place;
    const master = this.#key('application');
    const version = yield* readKeyVersion(channel, 0);
    if (typeof version !== 'number') return failed(version);
    if (version === 0) {
      const stop =
        (yield* this.#open(0, factoryKey, 'foreignApplication')) ??
        (yield* this.#checkSettings()) ??
        (yield* this.#change('key 0', () => changeKeyTo(channel, 0, null, master)));
      if (stop) return stop;
    } else if (version !== master.version) {
      return refused('foreignApplication', `key 0 has version ${version}`);
    }
    const stop =
      (yield* this.#open(0, master, 'foreignApplication')) ?? (yield* this.#checkSettings());
    if (stop) return stop;
    for (const { number, use } of this.#plan.keys.slice(1)) {
      const untaken = yield* this.#takeKey(number, this.#key(use));
      if (untaken) return untaken;
    }
    return null;
  }

  /**
   * While the card is away anybody may make an application of this AID: with files that need no
   * key, or with keys beyond the profile's that stay the factory's. Asked in a session of its
   * master key, and again under the issuer's, whose answer nobody else can make up.
   */
  *#checkSettings(): IssuingDialogue<IssuingResult | null> {
    const said = yield* readKeySettings(this.#place.channel);
    if ('fault' in said) return failed(said);
    const wanted = keySettingsOf(APPLICATION_SETTINGS, this.#plan.keys.length);
    if (equalBytes(said, wanted)) return null;
    return refused('foreignApplication', `key settings ${toHex(said)}`);
  }

  *#takeKey(number: number, key: AesKeyRef): IssuingDialogue<IssuingResult | null> {
    const { channel } = this.#place;
    const version = yield* readKeyVersion(channel, number);
    if (typeof version !== 'number') {
      return isStatus(version, SW_NO_SUCH_KEY)
        ? refused('foreignApplication', `no key ${number}`)
        : failed(version);
    }
    if (version === key.version) return null;
    if (version !== 0) return refused('foreignApplication', `key ${number} has version ${version}`);
    const stop = yield* this.#change(`key ${number}`, () =>
      changeKeyTo(channel, number, factoryKey, key),
    );
    // The command was made for a key of zeros: the card has another one of version 0.
    const isOther = stop?.outcome === 'fault' && isStatus(stop.fault, SW_INTEGRITY);
    return isOther ? refused('foreignApplication', `key ${number}`) : stop;
  }

  *#makeFiles(): IssuingDialogue<IssuingResult | null> {
    const { channel } = this.#place;
    const { files, recordFile } = this.#plan;
    const there = yield* readFileIds(channel);
    if ('fault' in there) return failed(there);
    const strange = there.find((number) => files.every((file) => file.number !== number));
    if (strange !== undefined) return refused('filesDiffer', `file ${strange}`);
    for (const file of files) {
      if (!there.includes(file.number)) {
        const stop = yield* this.#change(`file ${file.number}`, () => this.#makeFile(file));
        if (stop) return stop;
      }
      const settings = yield* readFileSettings(channel, file.number);
      if ('fault' in settings) return failed(settings);
      if (!file.fits(settings)) {
        return refused('filesDiffer', `file ${file.number}: ${toHex(settings)}`);
      }
      if (file === recordFile) this.#recordCount = recordsIn(settings);
    }
    return null;
  }

  #makeFile({ command, header }: PlannedFile): IssuingDialogue<null | DesfireFault> {
    const { channel } = this.#place;
    return command === null
      ? createProofFile(channel, header, this.#key('transactionMac'))
      : createFile(channel, command, header);
  }

  /** Opens a session under every key, that of gates last, which stays open. */
  *#proveKeys(): IssuingDialogue<IssuingResult | null> {
    const { keys } = this.#plan;
    const others = keys.slice(1).filter(({ use }) => use !== 'debit');
    const debit = keys.filter(({ use }) => use === 'debit');
    for (const { number, use } of [...others, ...debit]) {
      const stop = yield* this.#open(number, this.#key(use), 'foreignApplication');
      if (stop) return stop;
    }
    return null;
  }

  /** Writes the first record, which gates read before the next, and reads as gates do. */
  *#finish(): IssuingDialogue<IssuingResult> {
    const { channel, input } = this.#place;
    const { firstRecord, profile } = this.#plan;
    if (this.#recordCount === 0) {
      const stop = yield* this.#change('first record', () => this.#writeFirst());
      if (stop) return stop;
    }
    const valueMinor = yield* readValue(channel, profile.settings.valueFile, input);
    if (typeof valueMinor !== 'number') return failed(valueMinor);
    const records = yield* readRecords(channel, profile.recordFile, 1, input);
    if ('fault' in records) return failed(records);
    const used = valueMinor !== 0 || !equalBytes(records[0]!, firstRecord);
    return { outcome: 'issued', valueMinor, used };
  }

  *#writeFirst(): IssuingDialogue<null | DesfireFault> {
    const { channel, input } = this.#place;
    const { profile, firstRecord } = this.#plan;
    const unwritten = yield* writeRecord(channel, profile.recordFile, firstRecord, input);
    if (unwritten) return unwritten;
    const withMac = profile.settings.transactionMac !== null;
    const committed = yield* commitTransactionOf(channel, withMac);
    return committed !== 'noProof' && 'fault' in committed ? committed : null;
  }

  *#open(
    keyNumber: number,
    key: AesKeyRef,
    why: IssuingRefusal,
  ): IssuingDialogue<IssuingResult | null> {
    const fault = yield* authenticate(this.#place.channel, this.#kind, keyNumber, key);
    if (!fault) return null;
    return isStatus(fault, SW_WRONG_KEY) ? refused(why, `key ${keyNumber}`) : failed(fault);
  }

  /** One change, or in a look the end. */
  *#change(
    step: IssuingStep,
    make: () => IssuingDialogue<null | DesfireFault>,
  ): IssuingDialogue<IssuingResult | null> {
    if (this.#isLook) return { outcome: 'lacks', next: step };
    const fault = yield* make();
    if (fault) {
      return SW_NO_SPACE.some((sw) => isStatus(fault, sw))
        ? refused('noSpace', step)
        : { outcome: 'fault', fault, during: step };
    }
    this.done.push(step);
    return null;
  }

  #key(use: AesKeyUse): AesKeyRef {
    return cardKeyRef(this.#plan.profile, use, this.uid!);
  }
}

function failed(fault: DesfireFault): IssuingResult {
  return { outcome: 'fault', fault, during: null };
}

function refused(why: IssuingRefusal, detail: string): IssuingResult {
  return { outcome: 'refused', why, detail };
}

function isStatus(fault: DesfireFault, sw: number): boolean {
  return fault.fault === 'status' && fault.sw === sw;
}

function hex(byte: number): string {
  return toHex(Uint8Array.of(byte));
}

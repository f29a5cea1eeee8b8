/**
 * Purchases of the extended application [1]: SELECT and READ CAPP DATA bring the card's record, by
 * which the gate makes up its mind; GET PROCESSING OPTIONS with amount and service (DF60), UPDATE
 * CAPP DATA CACHE with the record anew, the records of the file locator. The card keeps money and
 * record together when its last record is read, which is `completePurchase`'s to do: until then
 * neither has changed.
 */
import { statusWord, take } from '../../apdu.ts';
import { type CardFault, type Dialogue, isFault } from '../../dialogue.ts';
import { askOf, complete, isWhole } from '../../exchange.ts';
import type { JourneyWriter } from '../../journey-form.ts';
import { malformed, refused, SW_OK } from '../../status.ts';
import { findApplications, type SelectedApplication, selectApplication } from '../application.ts';
import { availableMinor } from '../card-data.ts';
import { NO_RECORD, readCappData } from '../commands/read-capp-data.ts';
import { updateCappDataCache } from '../commands/update-capp-data-cache.ts';
import { parseDol } from '../dol.ts';
import { tag } from '../tags.ts';
import type { EcashService } from '../terminal.ts';
import {
  type Approval,
  type EcashRefusal,
  type EcashResult,
  type EcashTransaction,
  type PendingPurchase,
  readAllButLast,
  refusal,
} from '../transaction.ts';
import { askRecordMac, type ExtendedDialogue } from './asks.ts';
import { readData } from './card-asks.ts';
import type { CompiledExtendedProfile } from './profile.ts';
import { recordKey } from './record-key.ts';

/** A card whose record was read and that no money was asked of yet. */
export interface OpenedCard {
  readonly result: 'opened';
  readonly application: SelectedApplication;
  /** Of the profile's length, beginning with its id. */
  readonly record: Uint8Array;
  /** First byte of DF61; null: the profile does not ask for it. */
  readonly services: number | null;
  /** What the card proved it with, to be checked once its number is known; or null. */
  readonly proof: { readonly random: Uint8Array; readonly mac: Uint8Array } | null;
}

/** A card, selected, that has no such service or no such record. */
export interface PlainCard {
  readonly result: 'plain';
  readonly application: SelectedApplication;
  /** For staff: what it lacks. */
  readonly lacks: string;
}

const MAC_BYTES = 4;

/**
 * SELECT and READ CAPP DATA.
 * @param accepted as of `beginPurchase`
 * @param service what is wanted of the card: 1, 2 or 3
 * @param random 8 random bytes, used where the profile wants a MAC over the record
 */
export function* openExtended(
  accepted: readonly Uint8Array[],
  profile: CompiledExtendedProfile,
  service: Exclude<EcashService, 0>,
  random: Uint8Array,
): Dialogue<OpenedCard | PlainCard | EcashRefusal> {
  const names = yield* findApplications(accepted);
  if ('fault' in names) return { result: 'fault', fault: names };
  for (const name of names) {
    const application = yield* selectApplication(name);
    if (application === null) continue;
    if (isFault(application)) return { result: 'fault', fault: application };
    const told = yield* servicesOf(application, profile);
    if (typeof told === 'string') return { result: 'plain', application, lacks: told };
    if ('fault' in told) return { result: 'fault', fault: told };
    const { services } = told;
    const lacks = lacksService(profile, service, services);
    if (lacks !== null) return { result: 'plain', application, lacks };
    return yield* readRecord(application, profile, services, random);
  }
  return refusal('applicationMissing');
}

/** DF61, as an opened card has it; or what the card lacks. */
function* servicesOf(
  { pdol, services }: SelectedApplication,
  { settings }: CompiledExtendedProfile,
): Dialogue<Pick<OpenedCard, 'services'> | string | CardFault> {
  const asks = parseDol(pdol)?.some((one) => one.tag === tag.extendedApplication);
  if (!asks) return 'its PDOL does not ask for DF60';
  const { from } = settings.services;
  if (from === 'none') return { services: null };
  const said = from === 'fci' ? services : yield* readData(tag.extendedServices);
  if (said !== null && 'fault' in said) return said;
  return { services: said === null ? 0 : said[0]! };
}

/** What a card lacks of the service; null: nothing. @param services as of `OpenedCard` */
function lacksService(
  { segmented, preAuthorised }: CompiledExtendedProfile,
  service: EcashService,
  services: number | null,
): string | null {
  const wanted = service === 1 ? segmented : preAuthorised;
  const has = services === null || (services & wanted) !== 0;
  return has ? null : 'DF61 has no such service';
}

/** Whether a card whose record was read has the service too. */
export function hasService(
  { services }: OpenedCard,
  profile: CompiledExtendedProfile,
  service: EcashService,
): boolean {
  return lacksService(profile, service, services) === null;
}

function* readRecord(
  application: SelectedApplication,
  { settings, recordId, layout }: CompiledExtendedProfile,
  services: number | null,
  random: Uint8Array,
): Dialogue<OpenedCard | PlainCard | EcashRefusal> {
  const withMac = settings.read === 'mac';
  const { sfi, selector } = settings;
  const apdu = readCappData.build(sfi, selector, recordId, withMac ? random : null);
  const answer = yield askOf(readCappData, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(readCappData, apdu, answer);
  if (isFault(response)) return { result: 'fault', fault: response };
  const sw = statusWord(response);
  if (NO_RECORD.has(sw)) return { result: 'plain', application, lacks: 'no CAPP record' };
  if (sw !== SW_OK) return { result: 'fault', fault: refused(readCappData, sw) };
  const length = layout.recordLength;
  const expected = length + (withMac ? MAC_BYTES : 0);
  const isOurs = response[0] === recordId[0] && response[1] === recordId[1];
  if (response.length !== expected + 2 || !isOurs) {
    const what = `a record of ${response.length - 2} bytes, expected ${expected} and its id`;
    return { result: 'fault', fault: malformed(readCappData, what) };
  }
  const record = take(response, 0, length);
  const proof = withMac ? { random, mac: take(response, length, MAC_BYTES) } : null;
  return { result: 'opened', application, record, services, proof };
}

/**
 * The first phase with a purchase that the card approved: its record, and all records of the file
 * locator but the last. Nothing is debited and nothing changed yet; `completePurchase` reads the
 * last.
 * @param write the record anew, over that which was read
 */
export function* updateExtended(
  card: OpenedCard,
  profile: CompiledExtendedProfile,
  { transaction, records }: Approval,
  write: JourneyWriter,
): ExtendedDialogue<PendingPurchase | EcashResult> {
  if (records.length === 0) {
    // The money went with GET PROCESSING OPTIONS, and the record cannot follow it.
    return { result: 'unknown', transaction, fault: null, reason: 'fileLocatorMalformed' };
  }
  const refusedFor = yield* updateRecord(card, profile, transaction, write);
  if (refusedFor !== null) return refusedFor;
  return yield* readAllButLast(transaction, records);
}

function* updateRecord(
  { record, proof }: OpenedCard,
  profile: CompiledExtendedProfile,
  transaction: EcashTransaction,
  write: JourneyWriter,
): ExtendedDialogue<EcashRefusal | null> {
  const key = recordKey(profile, transaction.card);
  if (proof !== null) {
    const mac = yield* askRecordMac(key, proof.random, record);
    if (mac === 'unknownKey') return refusal('recordKeyUnknown');
    if (!proof.mac.every((byte, i) => byte === mac[i])) return refusal('recordMacInvalid');
  }
  const balanceMinor = availableMinor(transaction.elements);
  if (balanceMinor === null) return refusal('elementMalformed');
  const { sfi } = profile.settings;
  const apdu = updateCappDataCache.build(sfi, record.length);
  write(balanceMinor, apdu, updateCappDataCache.recordAt);
  const input = updateCappDataCache.macInput(apdu);
  const iv = updateCappDataCache.iv(transaction.options.atc);
  const mac = yield* askRecordMac(key, iv, input);
  if (mac === 'unknownKey') return refusal('recordKeyUnknown');
  updateCappDataCache.putMac(apdu, mac);
  const answer = yield askOf(updateCappDataCache, apdu, null);
  const response = isWhole(answer) ? answer : yield* complete(updateCappDataCache, apdu, answer);
  if (isFault(response)) return { result: 'fault', fault: response };
  const sw = statusWord(response);
  if (sw === SW_OK) return null;
  return { result: 'fault', fault: refused(updateCappDataCache, sw) };
}

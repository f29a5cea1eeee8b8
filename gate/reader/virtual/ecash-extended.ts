/**
 * The extended application of a virtual e-cash card [1]: records beside the money (CAPP), segmented
 * fares with a limit beyond the balance, offline pre-authorisation and its completion. What no
 * source says is marked [U] here and in `docs/ecash.md`. One hold for each record, three at most; a
 * completion may take more than was held, from the balance. Pure: `ecash-card.ts` keeps the state.
 */
import { equalBytes, readU16, toHex } from '../../../engine/bytes.ts';
import type { Command } from './command.ts';
import { retailMac } from './ecash-crypto.ts';

/** A record of a file, which begins with its id. */
export interface CappRecord {
  readonly sfi: number;
  readonly bytes: Uint8Array;
  /** Pre-authorised on it; 0: nothing. */
  readonly heldMinor: number;
}

/** What the card keeps of it without power. */
export interface ExtendedState {
  readonly records: readonly CappRecord[];
  /** DF63: what segments took beyond the balance. */
  readonly deductedMinor: number;
  /** The transaction committed last; null: none was. */
  readonly proof: { readonly atc: number; readonly tc: Uint8Array } | null;
}

/** What the issuer put there. */
export interface ExtendedPersonality {
  /** DF61. */
  readonly services: Uint8Array;
  /** DF62. */
  readonly segmentLimitMinor: number;
  /** The key of every record, 16 bytes. */
  readonly recordKey: Uint8Array;
  /** Bytes of records that the cache takes [U]. */
  readonly cacheBytes: number;
}

/** What DF60 asks for. */
export type Service = 0 | 1 | 2 | 3;

/** A transaction of the extended application that waits for its last record. */
export interface OpenService {
  readonly service: Service;
  readonly atc: number;
  readonly tc: Uint8Array;
  /** The record read last before GET PROCESSING OPTIONS. */
  readonly read: CappRecord | null;
  readonly amountMinor: number;
  readonly deductedAfterMinor: number;
  /** By the record that they replace. */
  readonly cache: ReadonlyMap<CappRecord, Uint8Array>;
  /** No record was read yet since GET PROCESSING OPTIONS. */
  readonly fresh: boolean;
}

const ID_BYTES = 2;
const MAC_BYTES = 4;

/** The record of READ CAPP DATA's P2 and id, and a status word. */
export function readCapp(
  state: ExtendedState,
  { recordKey }: ExtendedPersonality,
  { p1, p2, data }: Command,
): { readonly sw: number; readonly record?: CappRecord; readonly said?: Uint8Array } {
  if (p1 !== 0 || (p2 & 0x06) !== 0) return { sw: 0x6a86 };
  if (data.length !== 2 && data.length !== 10) return { sw: 0x6700 };
  const sfi = p2 >> 3;
  if (!state.records.some((record) => record.sfi === sfi)) return { sw: 0x6a82 };
  const record = recordOf(state, sfi, data);
  if (record === undefined) return { sw: 0x6a83 };
  if (data.length === 2) return { sw: 0x9000, record, said: record.bytes };
  const mac = retailMac(recordKey, record.bytes, data.subarray(2)).subarray(0, MAC_BYTES);
  return { sw: 0x9000, record, said: Buffer.concat([record.bytes, mac]) };
}

function recordOf(state: ExtendedState, sfi: number, id: Uint8Array): CappRecord | undefined {
  return state.records.find(
    (record) => record.sfi === sfi && readU16(record.bytes, 0) === readU16(id, 0),
  );
}

/** How many holds a card has room for. */
const HOLDS_MAX = 3;

/** Why GET PROCESSING OPTIONS is refused, as a status word; 0: it is not. */
export function serviceRefusal(
  service: Service,
  { records }: ExtendedState,
  read: CappRecord | null,
): number {
  if (service !== 2 && service !== 3) return 0;
  if (read === null) return 0x6985;
  if (service === 3) return read.heldMinor > 0 ? 0 : 0x6973;
  if (read.heldMinor > 0) return 0x6972;
  return records.filter(({ heldMinor }) => heldMinor > 0).length < HOLDS_MAX ? 0 : 0x6971;
}

/** The money of a transaction: what there is and what segments owe, or null: the card declines. */
export function moneyAfter(
  service: Service,
  amountMinor: number,
  balanceMinor: number,
  { deductedMinor }: ExtendedState,
  { segmentLimitMinor }: ExtendedPersonality,
  read: CappRecord | null,
): { readonly balanceMinor: number; readonly deductedMinor: number } | null {
  const missingMinor = Math.max(0, amountMinor - balanceMinor);
  if (service === 3) {
    const backMinor = read!.heldMinor - amountMinor;
    if (balanceMinor + backMinor < 0) return null;
    if (backMinor < 0) return { balanceMinor: balanceMinor + backMinor, deductedMinor };
    // What comes back pays first what segments owe.
    const paidMinor = Math.min(backMinor, deductedMinor);
    return {
      balanceMinor: balanceMinor + backMinor - paidMinor,
      deductedMinor: deductedMinor - paidMinor,
    };
  }
  if (missingMinor === 0) return { balanceMinor: balanceMinor - amountMinor, deductedMinor };
  const owedMinor = deductedMinor + missingMinor;
  if (service !== 1 || owedMinor > segmentLimitMinor) return null;
  return { balanceMinor: 0, deductedMinor: owedMinor };
}

/** The status word of UPDATE CAPP DATA CACHE, and the transaction with the record in its cache. */
export function updateCapp(
  state: ExtendedState,
  { recordKey, cacheBytes }: ExtendedPersonality,
  open: OpenService | null,
  { cla, ins, p1, p2, data }: Command,
): { readonly sw: number; readonly open?: OpenService } {
  if (p1 !== 0 || (p2 & 0x07) !== 0) return { sw: 0x6a86 };
  if (open === null || open.service === 0) return { sw: 0x6985 };
  if (!open.fresh) return { sw: 0x6986 };
  if (data.length < ID_BYTES + MAC_BYTES) return { sw: 0x6700 };
  const bytes = data.slice(0, data.length - MAC_BYTES);
  const iv = Uint8Array.of(0, 0, 0, 0, 0, 0, open.atc >> 8, open.atc);
  const header = Uint8Array.of(cla, ins, p1, p2, data.length);
  const mac = retailMac(recordKey, Buffer.concat([header, bytes]), iv).subarray(0, MAC_BYTES);
  if (!equalBytes(mac, data.subarray(bytes.length))) return { sw: 0x6988 };
  const record = recordOf(state, p2 >> 3, bytes);
  if (record === undefined) return { sw: 0x6a83 };
  if (bytes.length > record.bytes.length) return { sw: 0x6a84 };
  if (bytes.length < record.bytes.length) return { sw: 0x6a80 };
  const cache = new Map(open.cache).set(record, bytes);
  const cached = [...cache.values()].reduce((sum, one) => sum + one.length, 0);
  if (cached > cacheBytes) return { sw: 0x6581 };
  return { sw: 0x9000, open: { ...open, cache } };
}

/** What the last record commits beside the money, or the status word that refuses it. */
export function commitCapp(state: ExtendedState, open: OpenService): ExtendedState | number {
  const { service, cache, read, amountMinor, deductedAfterMinor, atc, tc } = open;
  const proof = { atc, tc };
  if (service === 0) return { ...state, proof };
  // The extended application without a record is not what was asked for [U].
  if (cache.size === 0) return 0x6985;
  for (const record of cache.keys()) if (record !== read) return 0x6974;
  const records = state.records.map((record) => {
    const bytes = cache.get(record);
    if (bytes === undefined) return record;
    if (service === 1) return { ...record, bytes };
    return { ...record, bytes, heldMinor: service === 2 ? amountMinor : 0 };
  });
  return { records, deductedMinor: deductedAfterMinor, proof };
}

/** The record of an id as a card has it, for tests and desks; empty where it has none. */
export function recordBytes(state: ExtendedState, sfi: number, id: string): Uint8Array {
  const found = state.records.find((one) => one.sfi === sfi && toHex(one.bytes).startsWith(id));
  return found?.bytes ?? new Uint8Array(0);
}

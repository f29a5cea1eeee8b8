/**
 * Sightings: debits that are no links of their card's chain, because the card did not commit them
 * or nobody knows, but whose tap read the card's counter and balance all the same. That the card
 * had come so far is as good a word on what lies below as a link's.
 */
import { DebitKind, DebitState } from '../debit/record.ts';
import { LEDGER_BANK_LOOK_MAX, LEDGER_SIGHTINGS_MAX } from '../limits.ts';
import {
  CARD_BYTES,
  chainKey,
  type DebitRow,
  decodeLink,
  encodeLink,
  idKey,
  type Link,
  newBytes,
} from './rows.ts';
import { hidesBalance, isForged, tellsBalance } from './rules.ts';
import type { StoreReader, StoreWriter } from './store.ts';

const COUNTER_KEY_BYTES = CARD_BYTES + 3;

/** Whether a held record is a sighting; what no card made has seen none. */
export function isSighting(row: Pick<DebitRow, 'kind' | 'state' | 'tac'>): boolean {
  return row.kind === DebitKind.debit && row.state !== DebitState.confirmed && !isForged(row);
}

export function addSighting(
  writer: StoreWriter,
  card: Uint8Array,
  purse: number,
  link: Link,
): void {
  const counter = chainKey(card, purse, link.offlineCounter);
  const id = idKey(link);
  const key = newBytes(counter.length + id.length);
  key.set(counter);
  key.set(id, counter.length);
  writer.put('seen', key, encodeLink(link));
}

/** @param key of a row of `seen`. */
export function decodeSighting(key: Uint8Array, value: Uint8Array): Link {
  return decodeLink(key.subarray(0, COUNTER_KEY_BYTES), value);
}

/**
 * What is known of a purse at the nearest counter from `counter` on: its link, its sightings, both,
 * or nothing. Of more than LEDGER_SIGHTINGS_MAX sightings, which only made-up records can bring
 * about, the first are heard.
 * @param reader shows the links of blocks too.
 */
export function evidenceFrom(
  reader: StoreReader,
  card: Uint8Array,
  purse: number,
  counter: number,
): Link[] {
  const from = chainKey(card, purse, counter);
  const to = chainKey(card, purse, 0x10000);
  const found: Link[] = [];
  for (const { key, value } of reader.range('chain', { from, to, limit: 1 })) {
    found.push(decodeLink(key, value));
  }
  const linkAt = found[0]?.offlineCounter ?? 0x10000;
  let nearest = linkAt;
  let sightings = 0;
  for (const { key, value } of reader.range('seen', { from, to })) {
    const sighting = decodeSighting(key, value);
    if (sighting.offlineCounter > nearest) break;
    if (sighting.offlineCounter < nearest) {
      nearest = sighting.offlineCounter;
      found.length = 0;
    }
    if (++sightings > LEDGER_SIGHTINGS_MAX) break;
    found.push(sighting);
  }
  return found;
}

/**
 * What is known of a bank card at the first counter from `counter` on that says a balance, or that
 * money moved without one; where none of the nearest LEDGER_BANK_LOOK_MAX does, at the last of
 * them. Nothing where nothing is known.
 * @param reader shows the links of blocks too.
 */
export function balanceFrom(
  reader: StoreReader,
  card: Uint8Array,
  purse: number,
  counter: number,
): Link[] {
  let found: Link[] = [];
  let from = counter;
  for (let look = 0; look < LEDGER_BANK_LOOK_MAX; look++) {
    const next = evidenceFrom(reader, card, purse, from);
    if (next.length === 0) return found;
    found = next;
    if (found.some((one) => tellsBalance(one) || hidesBalance(one))) return found;
    from = found[0]!.offlineCounter + 1;
  }
  return found;
}

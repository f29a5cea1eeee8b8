/** Lists to test with: an operator's keys, and files of any content, good or wrong on purpose. */
import { generateKeyPairSync } from 'node:crypto';
import { fromHex } from '../../engine/bytes.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { hashCardNumber, hashKeyCheck } from '../../engine/denylist/card-hash.ts';
import { type ListOrigin, writeDelta, writeFullList } from '../../engine/denylist/list-writer.ts';
import { joinRanges } from '../../engine/denylist/ranges.ts';
import { signer } from '../../engine/denylist/signing.ts';
import { compareKeys, digestOf, sortKeys } from '../../engine/denylist/sorted-keys.ts';

export const hashKey = cmacKey(fromHex('2B7E151628AED2A6ABF7158809CF4F3C'));
export const operator = generateKeyPairSync('ed25519');
export const stranger = generateKeyPairSync('ed25519');

export const origin: ListOrigin = {
  issuedMs: 1_790_000_000_000,
  keyCheck: hashKeyCheck(hashKey),
  sign: signer(operator.privateKey),
};

/** Card number `index` of one issuer, 10 bytes. */
export function serial(index: number): Uint8Array {
  return fromHex(`3104${String(index).padStart(16, '0')}`);
}

/** Everything from card `first` to card `last`. */
export function range(first: number, last: number): Uint8Array {
  const bytes = new Uint8Array(20);
  bytes.set(serial(first));
  bytes.set(serial(last), 10);
  return bytes;
}

/** The keys of cards, ascending. */
export function keysOfCards(cards: Iterable<number>): Int32Array {
  const all = [...cards];
  const keys = new Int32Array(2 * all.length);
  for (const [i, card] of all.entries()) hashCardNumber(hashKey, serial(card), 0, keys, 2 * i);
  return sortKeys(keys);
}

/** A list as an operator thinks of it. */
export interface PlainList {
  readonly version: number;
  readonly cards: ReadonlySet<number>;
  readonly ranges?: readonly Uint8Array[];
}

export function fullFile(list: PlainList, changed: Partial<ListOrigin> = {}): Uint8Array {
  const content = {
    version: list.version,
    keys: keysOfCards(list.cards),
    ranges: joinRanges(list.ranges ?? []),
  };
  return joined(writeFullList(content, { ...origin, ...changed }));
}

export function deltaFile(
  from: PlainList,
  to: PlainList,
  changed: Partial<ListOrigin> = {},
): Uint8Array {
  const [before, after] = [keysOfCards(from.cards), keysOfCards(to.cards)];
  const parts = writeDelta(
    { version: from.version, digest: digestOf(before) },
    {
      version: to.version,
      entries: after.length / 2,
      digest: digestOf(after),
      ranges: joinRanges(to.ranges ?? []),
    },
    compareKeys(before, after),
    { ...origin, ...changed },
  );
  return joined(parts);
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** The same bytes cut at random places, empty pieces among them. */
export function* pieces(bytes: Uint8Array, random: () => number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const length = Math.floor(random() * random() * (bytes.length - at + 1));
    yield bytes.slice(at, at + length);
    at += length;
  }
}

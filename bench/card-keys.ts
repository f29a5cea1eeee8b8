/**
 * Is it worth keeping cards' keys? A card's expanded purchase key from those that a station keeps
 * (half full, cards in no order), against deriving it again, against node:crypto.
 */
import { createCipheriv } from 'node:crypto';
import { Keyring } from '../engine/crypto/keyring.ts';
import { KEY_WORDS_MAX, tripleDes } from '../engine/crypto/purse-cipher.ts';
import { storeWord } from '../engine/crypto/words.ts';
import { CARD_KEYS_STATION } from '../engine/limits.ts';
import { CardKeys, IDENTITY_WORDS, identify } from '../gate/sam/card-keys.ts';
import type { Benchmark } from './harness.ts';

const MASTER = new Uint8Array(16).map((_, i) => 17 * i);
/** A step that meets every card once before any again. */
const STEP = 7919;
const BATCH = 64;

export const cardKeysBenchmark: Benchmark = {
  name: 'card-keys',
  async questions(smoke) {
    const capacity = smoke ? 64 : CARD_KEYS_STATION;
    // Half of it, so that chance fills few sets beyond their eight places.
    const cards = capacity / 2;
    const factors = Array.from({ length: cards }, (_, i) => {
      const both = Buffer.from('51701000000000000105000001000000', 'hex');
      both.writeUInt32BE(i, 4);
      return new Uint8Array(both);
    });
    const identities = new Int32Array(cards * IDENTITY_WORDS);
    const each = factors.map((both, card) => {
      const master = { keyIndex: 1, keyVersion: 1, algorithm: 0, issuer: both.slice(8) };
      const key = { ...master, factors: both, factorLevels: 2 };
      const identity = identities.subarray(card * IDENTITY_WORDS, (card + 1) * IDENTITY_WORDS);
      identify(key, identity);
      return identity;
    });
    const ring = new Keyring([
      { use: 'purchase', index: 1, version: 1, algorithm: '3des', master: MASTER },
    ]);
    const kept = new CardKeys(ring, capacity);
    await kept.warm(identities);
    const forgetful = new CardKeys(ring, 8);
    const schedule = new Int32Array(KEY_WORDS_MAX);

    /** Runs over the next cards of a round of its own. */
    const rounds = (one: (card: number) => void) => {
      let card = 0;
      return () => {
        for (let i = 0; i < BATCH; i++) {
          card = (card + STEP) % cards;
          one(card);
        }
      };
    };
    const find = (keys: CardKeys) => (card: number) => void keys.find(each[card]!, schedule);
    const contender = (name: string, keys: CardKeys) => ({
      name,
      answer: () => checkValues(cards, (card) => checkOf(keys, each[card]!, schedule)),
      run: rounds(find(keys)),
    });
    return [
      {
        name: "card's key",
        operations: BATCH,
        contenders: [
          contender('kept', kept),
          contender('derived', forgetful),
          {
            name: 'node:crypto, derived',
            answer: () =>
              checkValues(cards, (card) => nodeEde(nodeCardKey(factors[card]!), new Uint8Array(8))),
            run: rounds((card) => void nodeCardKey(factors[card]!)),
          },
        ],
      },
    ];
  },
};

/** Four bytes of zeros encrypted under each of the first cards' keys. */
function checkValues(cards: number, checkOfCard: (card: number) => Uint8Array): Uint8Array {
  const values = new Uint8Array(4 * cards);
  for (let card = 0; card < cards; card++) values.set(checkOfCard(card).subarray(0, 3), 4 * card);
  return values;
}

function checkOf(keys: CardKeys, identity: Int32Array, schedule: Int32Array): Uint8Array {
  keys.find(identity, schedule);
  const value = new Uint8Array(4);
  storeWord(tripleDes.checkValue(schedule) << 8, value, 0);
  return value;
}

function nodeEde(key: Uint8Array, data: Uint8Array): Buffer {
  const cipher = createCipheriv('des-ede', key, null).setAutoPadding(false);
  return Buffer.concat([cipher.update(data), cipher.final()]);
}

function nodeCardKey(factors: Uint8Array): Buffer {
  const first = nodeDiversify(MASTER, factors.subarray(0, 8));
  return nodeDiversify(first, factors.subarray(8));
}

function nodeDiversify(key: Uint8Array, factor: Uint8Array): Buffer {
  const inverse = factor.map((byte) => ~byte);
  return nodeEde(key, Buffer.concat([factor, inverse]));
}

/** A virtual card of the tap command's own: `--reader virtual:PERSONALITY`. */
import { randomBytes } from 'node:crypto';
import { equalBytes } from '../../engine/bytes.ts';
import { compileDesfireProfile } from '../../engine/card/desfire/compile.ts';
import { type DesfireProfileName, desfireProfile } from '../../engine/card/desfire/profiles.ts';
import { type AesKeyUse, masterFor } from '../../engine/crypto/aes-keyring.ts';
import type { KeySet } from '../../engine/crypto/key-set.ts';
import type { KeyUse, MasterKey } from '../../engine/crypto/keyring.ts';
import { FaregateError } from '../../engine/errors.ts';
import { VirtualCard } from '../reader/virtual/card.ts';
import { type MasterKey as CardMaster, issueCard } from '../reader/virtual/card-state.ts';
import { VirtualDesfireCard } from '../reader/virtual/desfire/card.ts';
import { type Generation, issueDesfire } from '../reader/virtual/desfire/state.ts';
import { EcashCard } from '../reader/virtual/ecash-card.ts';
import { testCard } from '../reader/virtual/ecash-test-card.ts';
import { type PersonalityName, personalities } from '../reader/virtual/personality.ts';
import { VirtualReader } from '../reader/virtual/reader.ts';

const LINK = /^virtual(?::([a-z0-9-]+))?$/;
const BALANCE_MINOR = 10_000;

/** DESFire cards by the name of the profile that they are issued for. */
const generations: Readonly<Record<string, Generation>> = {
  'desfire-ev1': 'ev1',
  'desfire-ev2': 'ev2',
  'desfire-light': 'light',
};

/** The published test card, which its published CA keys authenticate. */
const ECASH = 'ecash';

/** How help names the link. */
export const ownCardLink: string = `virtual:${[
  ...Object.keys(personalities),
  ...Object.keys(generations),
  ECASH,
].join('|')}`;

/**
 * A reader that a new card of 10,000 minor units is already held to, or null for another link.
 * @throws FaregateError USAGE for an unknown personality, KEYS_MISSING.
 */
export function ownCard(link: string, { keys, aes }: KeySet): VirtualReader | null {
  const match = LINK.exec(link);
  if (!match) return null;
  const name = match[1] ?? 'tunion';
  const reader = new VirtualReader({ name: link, chance: Math.random });
  if (name === ECASH) {
    const state = { balanceMinor: BALANCE_MINOR, atc: 0 };
    const card = new EcashCard({ personality: testCard, state, randomBytes: random });
    void reader.present(card, held);
    return reader;
  }
  const generation = generations[name];
  if (generation !== undefined) {
    const { application } = compileDesfireProfile(desfireProfile(name as DesfireProfileName));
    const master = (use: AesKeyUse): Uint8Array => aesMasterOf(aes, use, application);
    const masters = {
      debit: master('debit'),
      load: aes.some(({ use }) => use === 'load') ? master('load') : master('debit'),
      transactionMac: master('transactionMac'),
    };
    const uid = Uint8Array.of(0x04, ...randomBytes(6));
    const state = issueDesfire(generation, uid, masters, { valueMinor: BALANCE_MINOR });
    void reader.present(new VirtualDesfireCard({ state, randomBytes: random }), held);
    return reader;
  }
  if (!Object.hasOwn(personalities, name)) {
    throw new FaregateError('USAGE', `no such virtual card: ${name}; known: ${ownCardLink}`);
  }
  const { issuer } = personalities[name as PersonalityName];
  const masters = {
    purchase: masterOf(keys, 'purchase', issuer),
    tac: masterOf(keys, 'tac', issuer),
  };
  const state = issueCard(name as PersonalityName, masters, { balanceMinor: BALANCE_MINOR });
  void reader.present(new VirtualCard({ state, randomBytes: random }), held);
  return reader;
}

const held = { kbitps: 106, pace: 'real' } as const;
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

function aesMasterOf(keys: KeySet['aes'], use: AesKeyUse, application: Uint8Array): Uint8Array {
  const ofUse = keys.filter((each) => each.use === use);
  const key = masterFor(ofUse, application);
  if (!key) throw new FaregateError('KEYS_MISSING', `no desfire ${use} key in the key file`);
  return key.master;
}

/** The virtual cards compute with 3DES. A key of the card's issuer goes before a common one. */
function masterOf(keys: readonly MasterKey[], use: KeyUse, issuer: Uint8Array): CardMaster {
  const ofUse = keys.filter((each) => each.use === use && each.algorithm === '3des');
  const own = ofUse.find((each) => each.issuer && equalBytes(each.issuer, issuer));
  const key = own ?? ofUse.find((each) => each.issuer === undefined);
  if (!key) throw new FaregateError('KEYS_MISSING', `no 3DES key for ${use} in the key file`);
  return key;
}

/** A virtual card of the tap command's own: `--reader virtual:PERSONALITY`. */
import { randomBytes } from 'node:crypto';
import type { KeyUse, MasterKey } from '../../engine/crypto/keyring.ts';
import { FaregateError } from '../../engine/errors.ts';
import { VirtualCard } from '../reader/virtual/card.ts';
import { type MasterKey as CardMaster, issueCard } from '../reader/virtual/card-state.ts';
import { type PersonalityName, personalities } from '../reader/virtual/personality.ts';
import { VirtualReader } from '../reader/virtual/reader.ts';

const LINK = /^virtual(?::([a-z0-9-]+))?$/;
const BALANCE_MINOR = 10_000;

/** How help names the link. */
export const ownCardLink: string = `virtual:${Object.keys(personalities).join('|')}`;

/**
 * A reader that a new card of 10,000 minor units is already held to, or null for another link.
 * @throws FaregateError USAGE for an unknown personality, KEYS_MISSING.
 */
export function ownCard(link: string, keys: readonly MasterKey[]): VirtualReader | null {
  const match = LINK.exec(link);
  if (!match) return null;
  const name = match[1] ?? 'tunion';
  if (!Object.hasOwn(personalities, name)) {
    throw new FaregateError('USAGE', `no such virtual card: ${name}; known: ${ownCardLink}`);
  }
  const masters = { purchase: masterOf(keys, 'purchase'), tac: masterOf(keys, 'tac') };
  const state = issueCard(name as PersonalityName, masters, { balanceMinor: BALANCE_MINOR });
  const card = new VirtualCard({ state, randomBytes: (n) => new Uint8Array(randomBytes(n)) });
  const reader = new VirtualReader({ name: link, chance: Math.random });
  void reader.present(card, { kbitps: 106, pace: 'real' });
  return reader;
}

/** The virtual cards compute with 3DES. */
function masterOf(keys: readonly MasterKey[], use: KeyUse): CardMaster {
  const key = keys.find((each) => each.use === use && each.algorithm === '3des');
  if (!key) throw new FaregateError('KEYS_MISSING', `no 3DES key for ${use} in the key file`);
  return key;
}

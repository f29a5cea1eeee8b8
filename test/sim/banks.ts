/**
 * The banks of the simulation: one CA, two issuers and their cards, by RSA and by SM2. Of one
 * issuer the operator holds the key of cryptograms, the other's debits are passed through. Keys are
 * the same in every run and made once for a process: what they are decides nothing.
 */
import { checkPrimeSync, createHash } from 'node:crypto';
import { fromHex, toHex } from '../../engine/bytes.ts';
import { CaKeys } from '../../engine/card/qpboc/oda/ca-keys.ts';
import { Issuers } from '../../engine/card/qpboc/oda/issuers.ts';
import { CryptogramKeyring } from '../../engine/crypto/cryptogram-keyring.ts';
import { Chance } from '../../gate/demo/chance.ts';
import {
  bankCardKey,
  type RsaSigner,
  rsaSigner,
  sm2Signer,
} from '../../gate/reader/virtual/ecash-crypto.ts';
import {
  type EcashChain,
  issueRsaChain,
  issueSm2Chain,
} from '../../gate/reader/virtual/ecash-issuing.ts';
import type { EcashPersonality } from '../../gate/reader/virtual/ecash-personality.ts';
import { testCard } from '../../gate/reader/virtual/ecash-test-card.ts';

const KEY_SEED = 0xba2c;
const PRIME_BYTES = 64;
const RID = 'A000000333';
const RSA_CA = 0x01;
const SM2_CA = 0x57;
/** First digits of its cards; the second issuer's end in 1. */
const ISSUER = '622800';
const OTHER_ISSUER = '622801';
/** The key index that the virtual card names in 9F10. */
const CRYPTOGRAM_KEY = 1;
/** With DF60, which asks for the extended application. */
const EXTENDED_PDOL = fromHex('9F66049F02069F03069F1A0295055F2A029A039C019F3704DF6001DF6901');
const SERVICES = fromHex('02');
const CACHE_BYTES = 256;

export type ChainAlgorithm = 'rsa' | 'sm2';

function prime(chance: Chance): Uint8Array {
  for (;;) {
    const candidate = chance.bytes(PRIME_BYTES);
    candidate[0]! |= 0xc0;
    candidate[PRIME_BYTES - 1]! |= 1;
    if (checkPrimeSync(candidate)) return candidate;
  }
}

function makeKeys() {
  const chance = new Chance(KEY_SEED);
  const rsa = (): RsaSigner => rsaSigner(prime(chance), prime(chance), fromHex('010001'));
  const sm2 = () => sm2Signer(chance.bytes(32));
  const rsaKeys = { ca: rsa(), issuer: rsa(), card: rsa() };
  const sm2Keys = { ca: sm2(), issuer: sm2(), card: sm2() };
  const { modulus, exponent } = rsaKeys.ca;
  const index = toHex(Uint8Array.of(RSA_CA));
  const hashed = Buffer.concat([fromHex(`${RID}${index}`), modulus, exponent]);
  const sha1 = createHash('sha1').update(hashed).digest('hex');
  const rsaCa = { rid: RID, index, modulus: toHex(modulus), exponent: '010001', sha1 };
  const sm2Ca = { rid: RID, index: toHex(Uint8Array.of(SM2_CA)), sm2: toHex(sm2Keys.ca.publicKey) };
  return {
    rsa: rsaKeys,
    sm2: sm2Keys,
    issuers: new Issuers(CaKeys.parse(JSON.stringify({ keys: [rsaCa, sm2Ca] }), 'the CA')),
    cryptogramMaster: chance.bytes(16),
    cappMaster: chance.bytes(16),
    chains: new Map<string, EcashChain>(),
  };
}

let made: ReturnType<typeof makeKeys> | null = null;

function keys(): ReturnType<typeof makeKeys> {
  made ??= makeKeys();
  return made;
}

/** What a gate authenticates cards by. */
export function bankIssuers(): Issuers {
  return keys().issuers;
}

/** The master key of the records of the extended application, 16 bytes. */
export function cappMaster(): Uint8Array {
  return keys().cappMaster;
}

/** The keys of cryptograms that the operator holds. */
export function heldCryptograms(): CryptogramKeyring {
  const master = keys().cryptogramMaster;
  const name = { prefix: ISSUER, index: CRYPTOGRAM_KEY, algorithm: '3des' } as const;
  return new CryptogramKeyring([{ ...name, master }]);
}

/** 16 digits; every other card is the second issuer's. */
export function panOf(index: number): string {
  return `${index % 2 === 0 ? ISSUER : OTHER_ISSUER}${String(index).padStart(10, '0')}`;
}

/** Made once for each card. */
function chainOf(pan: string, algorithm: ChainAlgorithm, staticData: Uint8Array): EcashChain {
  const { chains, rsa, sm2 } = keys();
  const known = chains.get(`${pan} ${algorithm}`);
  if (known) return known;
  const details = {
    issuerIdentifier: fromHex(`${pan.slice(0, 6)}FF`),
    issuerExpiry: fromHex('1230'),
    cardExpiry: fromHex('1130'),
    issuerSerial: fromHex('001156'),
    cardSerial: fromHex('000001'),
    pan: fromHex(pan.padEnd(20, 'F')),
    staticData,
    coversRecord: true,
    coversAip: true,
  };
  const chain =
    algorithm === 'rsa'
      ? issueRsaChain(rsa.ca, rsa.issuer, rsa.card, { ...details, caIndex: RSA_CA })
      : issueSm2Chain(sm2.ca, sm2.issuer, sm2.card, { ...details, caIndex: SM2_CA });
  chains.set(`${pan} ${algorithm}`, chain);
  return chain;
}

/** @param segmentLimitMinor of the extended application; null: the card has none. */
export function bankPersonality(
  pan: string,
  algorithm: ChainAlgorithm,
  segmentLimitMinor: number | null,
): EcashPersonality {
  const { cryptogramMaster, cappMaster } = keys();
  const { panSequence, aip } = testCard;
  const holderRecord = fromHex(`5A08${pan}5F24033011305F25039507039F08020030`);
  const chain = chainOf(pan, algorithm, Buffer.concat([holderRecord, aip]));
  const isHeld = pan.startsWith(ISSUER);
  const master = isHeld ? cryptogramMaster : cappMaster;
  const personality: EcashPersonality = {
    ...testCard,
    pan,
    track2: fromHex(`${pan}D30112010123456789`),
    holderRecord,
    cryptogramKey: bankCardKey(master, pan, panSequence),
    chainFor: () => chain,
  };
  if (segmentLimitMinor === null) return personality;
  return {
    ...personality,
    pdol: EXTENDED_PDOL,
    extended: {
      services: SERVICES,
      segmentLimitMinor,
      recordKey: bankCardKey(cappMaster, pan, panSequence),
      cacheBytes: CACHE_BYTES,
    },
  };
}

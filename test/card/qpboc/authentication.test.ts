/** Offline data authentication of forged, damaged, old and revoked cards: each its own reason. */
import assert from 'node:assert/strict';
import { constants, createHash, privateEncrypt } from 'node:crypto';
import { test } from 'node:test';
import { fromHex } from '../../../engine/bytes.ts';
import { authenticate } from '../../../engine/card/qpboc/oda/authenticate.ts';
import type { Issuers } from '../../../engine/card/qpboc/oda/issuers.ts';
import { type EcashReason, ecashReasons } from '../../../engine/card/qpboc/reasons.ts';
import { tag } from '../../../engine/card/qpboc/tags.ts';
import type { EcashTransaction } from '../../../engine/card/qpboc/transaction.ts';
import { recoverRsa, rsaKey } from '../../../engine/crypto/rsa.ts';
import type { RsaSigner } from '../../../gate/reader/virtual/ecash-crypto.ts';
import type { EcashChain } from '../../../gate/reader/virtual/ecash-issuing.ts';
import { testCard } from '../../../gate/reader/virtual/ecash-test-card.ts';
import {
  approvedBy,
  buy,
  ecashCard,
  lenient,
  ownChain,
  ownIssuers,
  ownKeys,
  TODAY,
  testIssuers,
} from '../../kit/ecash-cards.ts';

const keys = ownKeys();

function saleOf(chain: EcashChain | null, sm2 = false): EcashTransaction {
  const chains = chain ? { chainFor: () => chain } : {};
  return approvedBy(buy(ecashCard({ personality: chains }), 250, { sm2 }));
}

const seen = new Set<EcashReason>();

function reasonOf(
  sale: EcashTransaction,
  issuers: Issuers,
  day = TODAY,
  policy = lenient,
): EcashReason | null {
  const said = authenticate(sale, issuers, policy, day);
  if (!('failed' in said)) return null;
  seen.add(said.failed);
  return said.failed;
}

/** The sale with one element changed; undefined takes it away. */
function withElement(
  sale: EcashTransaction,
  name: number,
  value: Uint8Array | undefined,
  where: 'elements' | 'terminal' = 'elements',
): EcashTransaction {
  const changed = new Map(sale[where]);
  if (value === undefined) changed.delete(name);
  else changed.set(name, value);
  return { ...sale, [where]: changed };
}

function flipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at]! ^= 1 << bit;
  return copy;
}

/** What a flip in an element may be refused for. */
const allowed: readonly (readonly [number, 'elements' | 'terminal', RegExp])[] = [
  [tag.caIndex, 'elements', /^caKeyUnknown$/],
  [tag.issuerCertificate, 'elements', /^issuerCertificate[A-Z]/],
  [tag.issuerRemainder, 'elements', /^issuerCertificateHash$/],
  [tag.issuerExponent, 'elements', /^issuerCertificateHash$/],
  [tag.cardCertificate, 'elements', /^cardCertificate[A-Z]/],
  [tag.cardRemainder, 'elements', /^cardCertificateHash$/],
  [tag.cardExponent, 'elements', /^cardCertificateHash$/],
  [tag.dynamicSignature, 'elements', /^dynamicSignature[A-Z]/],
  [tag.cardAuthentication, 'elements', /^(fddaVersion|dynamicSignature(Hash|Signature))$/],
  [tag.atc, 'elements', /^dynamicSignatureAtc$/],
  [tag.unpredictableNumber, 'terminal', /^dynamicSignature(Hash|Signature)$/],
  [tag.amount, 'terminal', /^dynamicSignature(Hash|Signature)$/],
  [tag.currency, 'terminal', /^dynamicSignature(Hash|Signature)$/],
];

const chains: readonly (readonly [string, () => EcashTransaction, () => Issuers, number])[] = [
  ['the published RSA chain', () => saleOf(null), testIssuers, 1],
  ['the published SM2 chain', () => saleOf(null, true), testIssuers, 7],
  ['an RSA chain of ours', () => saleOf(ownChain(keys, 'rsa')), () => ownIssuers(keys, 'rsa'), 3],
  ['an SM2 chain of ours', () => saleOf(ownChain(keys, 'sm2')), () => ownIssuers(keys, 'sm2'), 7],
];

for (const [name, makeSale, makeIssuers, step] of chains) {
  test(`one flipped bit anywhere in ${name} is refused, by what it is in`, () => {
    const sale = makeSale();
    const issuers = makeIssuers();
    assert.equal(reasonOf(sale, issuers), null);
    let flips = 0;
    for (const [element, where, reasons] of allowed) {
      const value = sale[where].get(element);
      if (value === undefined) continue;
      // RSA: every bit, or one of some; SM2, which takes longer: one of more. At least each end.
      for (let bit = 0; bit < value.length * 8; bit += value.length > 8 ? step : 1) {
        const spoilt = flipped(value, bit >> 3, bit & 7);
        const reason = reasonOf(withElement(sale, element, spoilt, where), issuers);
        assert.match(String(reason), reasons, `tag ${element.toString(16)} bit ${bit}`);
        flips++;
      }
    }
    for (let bit = 0; bit < sale.staticData.length * 8; bit += step) {
      const staticData = flipped(sale.staticData, bit >> 3, bit & 7);
      assert.match(
        String(reasonOf({ ...sale, staticData }, issuers)),
        /^cardCertificate(Hash|Signature)$/,
      );
      flips++;
    }
    assert(flips > 100);
    assert.equal(reasonOf(sale, issuers), null, 'nothing was changed by it');
  });
}

test('the AIP is covered where 9F4A says so', () => {
  for (const algorithm of ['rsa', 'sm2'] as const) {
    const sale = saleOf(ownChain(keys, algorithm));
    const issuers = ownIssuers(keys, algorithm);
    const spoilt = withElement(sale, tag.aip, fromHex('7001'));
    assert.match(String(reasonOf(spoilt, issuers)), /^cardCertificate(Hash|Signature)$/);
    const other = withElement(sale, tag.staticTagList, fromHex('829F36'));
    assert.equal(reasonOf(other, issuers), 'staticTagList');
  }
});

/** Recovers what `signer` signed, changes it and signs it again, its hash made right or left. */
function resigned(
  signer: RsaSigner,
  signature: Uint8Array,
  change: (block: Uint8Array) => void,
  more: readonly Uint8Array[] | null,
): Uint8Array {
  const block = recoverRsa(rsaKey(signer.modulus, signer.exponent)!, signature)!;
  change(block);
  if (more) {
    const hash = createHash('sha1').update(block.subarray(1, block.length - 21));
    for (const part of more) hash.update(part);
    block.set(hash.digest(), block.length - 21);
  }
  return privateEncrypt({ key: signer.key, padding: constants.RSA_NO_PADDING }, block);
}

test('RSA: each part of a signed block has its own reason', () => {
  const sale = saleOf(ownChain(keys, 'rsa'));
  const issuers = ownIssuers(keys, 'rsa');
  const links = [
    ['issuerCertificate', tag.issuerCertificate, keys.rsa.ca, 11],
    ['cardCertificate', tag.cardCertificate, keys.rsa.issuer, 17],
    ['dynamicSignature', tag.dynamicSignature, keys.rsa.card, 2],
  ] as const;
  for (const [stage, name, signer, algorithmAt] of links) {
    const signature = sale.elements.get(name)!;
    const changed = (value: Uint8Array | undefined) =>
      reasonOf(withElement(sale, name, value), issuers);
    const set = (at: number, byte: number) =>
      changed(resigned(signer, signature, (block) => block.fill(byte, at, at + 1), null));
    assert.equal(changed(undefined), `${stage}Missing`);
    assert.equal(changed(signature.subarray(1)), `${stage}Length`);
    assert.equal(changed(new Uint8Array(signature.length).fill(0xff)), `${stage}Range`);
    assert.equal(set(signature.length - 1, 0xcc), `${stage}Trailer`);
    assert.equal(set(0, 0x4a), `${stage}Header`);
    assert.equal(set(1, 0x07), `${stage}Format`);
    assert.equal(set(algorithmAt, 2), `${stage}Algorithm`);
    assert.equal(set(signature.length - 5, 0x5a), `${stage}Hash`);
  }
  const { elements } = sale;
  const parts = (names: readonly number[]) => names.map((one) => elements.get(one)!);
  const inKey = (
    name: number,
    signer: RsaSigner,
    more: readonly Uint8Array[],
    at: number,
    byte: number,
  ) => {
    const change = (block: Uint8Array) => block.fill(byte, at, at + 1);
    const value = resigned(signer, elements.get(name)!, change, more);
    return reasonOf(withElement(sale, name, value), issuers);
  };
  const ofIssuer = parts([tag.issuerRemainder, tag.issuerExponent]).filter(Boolean);
  assert.equal(
    inKey(tag.issuerCertificate, keys.rsa.ca, ofIssuer, 12, 2),
    'issuerCertificateAlgorithm',
  );
  assert.equal(
    inKey(tag.issuerCertificate, keys.rsa.ca, ofIssuer, 14, 2),
    'issuerCertificateExponent',
  );
  assert.equal(
    inKey(tag.issuerCertificate, keys.rsa.ca, ofIssuer, 13, 200),
    'issuerCertificateKeyLength',
  );
  assert.equal(inKey(tag.issuerCertificate, keys.rsa.ca, ofIssuer, 15, 0), 'issuerCertificateKey');
  const ofCard = [
    ...parts([tag.cardRemainder, tag.cardExponent]),
    sale.staticData,
    elements.get(tag.aip)!,
  ];
  assert.equal(
    inKey(tag.cardCertificate, keys.rsa.issuer, ofCard, 20, 2),
    'cardCertificateExponent',
  );
  assert.equal(
    inKey(tag.cardCertificate, keys.rsa.issuer, ofCard, 19, 145),
    'cardCertificateKeyLength',
  );
  assert.equal(inKey(tag.cardCertificate, keys.rsa.issuer, ofCard, 21, 0), 'cardCertificateKey');
  const signedData = [
    sale.terminal.get(tag.unpredictableNumber)!,
    sale.terminal.get(tag.amount)!,
    sale.terminal.get(tag.currency)!,
    elements.get(tag.cardAuthentication)!,
  ];
  assert.equal(
    inKey(tag.dynamicSignature, keys.rsa.card, signedData, 3, 130),
    'dynamicSignatureData',
  );
});

test('SM2: each part has its own reason', () => {
  const sale = saleOf(ownChain(keys, 'sm2'));
  const issuers = ownIssuers(keys, 'sm2');
  const links = [
    ['issuerCertificate', tag.issuerCertificate, 10],
    ['cardCertificate', tag.cardCertificate, 16],
  ] as const;
  for (const [stage, name, algorithmAt] of links) {
    const value = sale.elements.get(name)!;
    const changed = (bytes: Uint8Array | undefined) =>
      reasonOf(withElement(sale, name, bytes), issuers);
    assert.equal(changed(undefined), `${stage}Missing`);
    assert.equal(changed(value.subarray(1)), `${stage}Length`);
    assert.equal(changed(flipped(value, 0, 0)), `${stage}Format`);
    assert.equal(changed(flipped(value, algorithmAt, 0)), `${stage}Algorithm`);
    assert.equal(changed(flipped(value, algorithmAt + 3, 0)), `${stage}KeyLength`);
    assert.equal(changed(flipped(value, value.length - 1, 0)), `${stage}Signature`);
  }
  const signature = sale.elements.get(tag.dynamicSignature)!;
  const changed = (bytes: Uint8Array | undefined) =>
    reasonOf(withElement(sale, tag.dynamicSignature, bytes), issuers);
  assert.equal(changed(undefined), 'dynamicSignatureMissing');
  assert.equal(changed(signature.subarray(0, 65)), 'dynamicSignatureLength');
  assert.equal(changed(flipped(signature, 0, 1)), 'dynamicSignatureFormat');
  assert.equal(changed(flipped(signature, 1, 1)), 'dynamicSignatureData');
  assert.equal(changed(flipped(signature, 9, 1)), 'dynamicSignatureSignature');
});

test('what certificates say: number, issuer, months, revocation', () => {
  for (const algorithm of ['rsa', 'sm2'] as const) {
    const issuers = ownIssuers(keys, algorithm);
    const of = (changes: Parameters<typeof ownChain>[2], day = TODAY) =>
      reasonOf(saleOf(ownChain(keys, algorithm, changes)), issuers, day);
    assert.equal(of({ pan: fromHex('6228000100001118FFFF') }), 'cardCertificatePan');
    assert.equal(of({ issuerIdentifier: fromHex('622801FF') }), 'issuerCertificateIdentifier');
    assert.equal(of({ issuerIdentifier: fromHex('62280001') }), null);
    assert.equal(of({ issuerExpiry: fromHex('1020') }), 'issuerCertificateExpired');
    assert.equal(of({ cardExpiry: fromHex('1020') }), 'cardCertificateExpired');
    assert.equal(of({ cardExpiry: fromHex('1120') }), null, 'to the end of its month');
    assert.equal(of({ cardExpiry: fromHex('1320') }), 'cardCertificateExpired', 'no such month');
    const sale = saleOf(ownChain(keys, algorithm));
    const serial = { rid: 'A000000333', index: '01', serial: '001156' };
    const revoking = (one: object) =>
      reasonOf(sale, ownIssuers(keys, algorithm, { revoked: [one] }));
    assert.equal(revoking(serial), 'issuerCertificateRevoked');
    assert.equal(revoking({ ...serial, serial: '001157' }), null);
    assert.equal(revoking({ ...serial, index: '02' }), null);
    assert.equal(
      reasonOf(sale, ownIssuers(keys, algorithm, { lastDay: '2020-11-29' })),
      'caKeyExpired',
    );
    assert.equal(reasonOf(sale, ownIssuers(keys, algorithm, { lastDay: '2020-11-30' })), null);
    assert.equal(reasonOf(withElement(sale, tag.caIndex, undefined), issuers), 'caKeyMissing');
    assert.equal(reasonOf(sale, testIssuers()), 'caKeyUnknown');
  }
});

test('versions of fDDA and cards without it, by what the gate accepts', () => {
  const issuers = testIssuers();
  const strict = { fddaV00: false, staticData: false };
  const v00 = approvedBy(buy(ecashCard({ personality: { fdda: 'v00' } }), 250));
  assert.equal(reasonOf(v00, issuers, TODAY, strict), 'fddaVersion');
  assert.equal(reasonOf(saleOf(null), issuers, TODAY, strict), null);
  const withAip = (aip: string): EcashTransaction => {
    const sale = saleOf(null);
    return { ...sale, options: { ...sale.options, aip: fromHex(aip) } };
  };
  assert.equal(reasonOf(withAip('1000'), issuers), 'authenticationUnsupported');
  assert.equal(reasonOf(withAip('4000'), issuers, TODAY, strict), 'authenticationUnsupported');
  assert.equal(reasonOf(withAip('4000'), issuers), 'staticSignatureMissing');
});

test('static signatures, where a gate accepts them', () => {
  const issuers = ownIssuers(keys, 'rsa');
  const sale = saleOf(ownChain(keys, 'rsa'));
  const signer = keys.rsa.issuer;
  const staticData = Buffer.concat([sale.staticData, sale.elements.get(tag.aip)!]);
  const block = new Uint8Array(signer.modulus.length).fill(0xbb);
  block.set([0x6a, 0x03, 0x01, 0xda, 0xc5]);
  block[block.length - 1] = 0xbc;
  const raw = privateEncrypt({ key: signer.key, padding: constants.RSA_NO_PADDING }, block);
  const code = resigned(signer, raw, () => {}, [staticData]);
  const options = { ...sale.options, aip: fromHex('4000') };
  const with93 = (value: Uint8Array) => ({
    ...withElement(sale, tag.staticSignature, value),
    options,
  });
  const good = authenticate(with93(code), issuers, lenient, TODAY);
  assert.deepEqual(good, { method: 'static', algorithm: 'rsa' });
  const set = (at: number, byte: number) =>
    reasonOf(
      with93(resigned(signer, code, (bytes) => bytes.fill(byte, at, at + 1), null)),
      issuers,
    );
  assert.equal(reasonOf(with93(code.subarray(1)), issuers), 'staticSignatureLength');
  assert.equal(
    reasonOf(with93(new Uint8Array(code.length).fill(0xff)), issuers),
    'staticSignatureRange',
  );
  assert.equal(set(code.length - 1, 0xcc), 'staticSignatureTrailer');
  assert.equal(set(0, 0x4a), 'staticSignatureHeader');
  assert.equal(set(1, 0x05), 'staticSignatureFormat');
  assert.equal(set(2, 0x02), 'staticSignatureAlgorithm');
  assert.equal(set(3, 0xdb), 'staticSignatureHash');
});

test('every reason of authentication was given above, and has its own text', () => {
  const here = Object.keys(ecashReasons).filter((reason) =>
    /^(caKey|issuerCert|cardCert|dynamicSig|staticSig|staticTag|fdda|authentication)/.test(reason),
  );
  const missing = here.filter((reason) => !seen.has(reason as EcashReason));
  assert.deepEqual(missing, []);
  assert.equal(new Set(Object.values(ecashReasons)).size, Object.keys(ecashReasons).length);
});

test('a forged certificate of a known issuer is not taken from the cache', () => {
  const issuers = ownIssuers(keys, 'rsa');
  const sale = saleOf(ownChain(keys, 'rsa'));
  assert.equal(reasonOf(sale, issuers), null);
  const other = withElement(sale, tag.issuerRemainder, fromHex('00'));
  assert.equal(reasonOf(other, issuers), 'issuerCertificateHash');
  const [whole, rest] = [tag.issuerCertificate, tag.issuerRemainder].map((name) =>
    Buffer.from(sale.elements.get(name)!),
  );
  const longer = Buffer.concat([whole!, rest!.subarray(0, 1)]);
  const divided = withElement(sale, tag.issuerCertificate, longer);
  const shifted = withElement(divided, tag.issuerRemainder, rest!.subarray(1));
  assert.equal(reasonOf(shifted, issuers), 'issuerCertificateLength');
  const expired = ownChain(keys, 'rsa', { issuerExpiry: fromHex('1220') });
  const old = saleOf(expired);
  assert.equal(reasonOf(old, issuers), null);
  assert.equal(reasonOf(old, issuers, 2021_01_01), 'issuerCertificateExpired', 'kept, yet expired');
  assert.equal(testCard.pan, sale.card.pan);
});

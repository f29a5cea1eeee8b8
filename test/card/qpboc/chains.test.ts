/** The published chains of offline data authentication, link by link. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { getProcessingOptions } from '../../../engine/card/qpboc/commands/get-processing-options.ts';
import { addElements, type Elements } from '../../../engine/card/qpboc/elements.ts';
import { parseFileLocator } from '../../../engine/card/qpboc/file-locator.ts';
import { CaKeys } from '../../../engine/card/qpboc/oda/ca-keys.ts';
import { cardKeyOf, signedStaticData } from '../../../engine/card/qpboc/oda/card-key.ts';
import { type ChainKey, Issuers } from '../../../engine/card/qpboc/oda/issuers.ts';
import { dynamicData, staticCode } from '../../../engine/card/qpboc/oda/signatures.ts';
import { readSm2Certificate } from '../../../engine/card/qpboc/oda/sm2-certificate.ts';
import { tag } from '../../../engine/card/qpboc/tags.ts';
import { sm2Key } from '../../../engine/crypto/sm2/signature.ts';
import { testCaKeys, testCard } from '../../../gate/reader/virtual/ecash-test-card.ts';
import { TODAY } from '../../kit/ecash-cards.ts';
import { noShared, vectors } from '../../shared.ts';

interface RsaVector {
  readonly reproduced: boolean;
  readonly caIndex: string;
  readonly caModulus: string;
  readonly caExponent: string;
  readonly caSha1: string;
  readonly t90: string;
  readonly t92: string;
  readonly t9F32: string;
  readonly t93: string;
  readonly t9F46: string;
  readonly t9F48: string;
  readonly t9F47: string;
  readonly staticData: string;
  readonly issuerModulus: string;
  readonly iccModulus: string;
  readonly ddolData: string;
  readonly sdad9F4B: string;
  readonly expect: { iccPan: string; dac: string; iccDynamicData: string };
  readonly transcript: readonly string[];
}

const RID = fromHex('A000000333');

function caOf(vector: RsaVector): CaKeys {
  const { caIndex, caModulus, caExponent, caSha1 } = vector;
  const key = { rid: 'A000000333', index: caIndex, modulus: caModulus, exponent: caExponent };
  return CaKeys.parse(JSON.stringify({ keys: [{ ...key, sha1: caSha1 }] }), 'the vector');
}

function elementsOf(vector: RsaVector): Map<number, Uint8Array> {
  return new Map([
    [tag.caIndex, fromHex(vector.caIndex)],
    [tag.issuerCertificate, fromHex(vector.t90)],
    [tag.issuerRemainder, fromHex(vector.t92)],
    [tag.issuerExponent, fromHex(vector.t9F32)],
    [tag.cardCertificate, fromHex(vector.t9F46)],
    [tag.cardRemainder, fromHex(vector.t9F48)],
    [tag.cardExponent, fromHex(vector.t9F47)],
  ]);
}

function modulusOf(key: ChainKey | string): string {
  assert(typeof key !== 'string' && key.algorithm === 'rsa', JSON.stringify(key));
  const { n } = key.key.key.export({ format: 'jwk' });
  return toHex(Buffer.from(n!, 'base64url'));
}

function rsaKeys(vector: RsaVector, elements: Elements, pan: string) {
  const issuer = new Issuers(caOf(vector)).keyOf(RID, elements, pan, TODAY);
  assert.equal(modulusOf(issuer), vector.issuerModulus);
  const staticData = fromHex(vector.staticData);
  const card = cardKeyOf(issuer as ChainKey, elements, staticData, pan, TODAY);
  assert.equal(modulusOf(card), vector.iccModulus);
  return { issuer: issuer as ChainKey, card: card as ChainKey, staticData };
}

test('RSA chain of the published test card', { skip: noShared }, () => {
  const found = vectors<RsaVector>('oda-bctc-ca80-rsa').filter(({ reproduced }) => reproduced);
  assert.equal(found.length, 1);
  rsaKeys(found[0]!, elementsOf(found[0]!), '6228000100001117');
});

test('a real UnionPay card on contacts: chain, DDA and static signature', {
  skip: noShared,
}, () => {
  for (const vector of vectors<RsaVector>('oda-unionpay-ca09-contact')) {
    const pan = vector.expect.iccPan.replace(/F+$/, '');
    const { issuer, card, staticData } = rsaKeys(vector, elementsOf(vector), pan);
    const atc = fromHex('0006');
    const dynamic = dynamicData(card, fromHex(vector.sdad9F4B), fromHex(vector.ddolData), atc);
    assert(typeof dynamic !== 'string', JSON.stringify(dynamic));
    assert.equal(toHex(dynamic.data), vector.expect.iccDynamicData);
    const code = staticCode(issuer, fromHex(vector.t93), staticData);
    assert(typeof code !== 'string', JSON.stringify(code));
    assert.equal(toHex(code.data), vector.expect.dac);
  }
});

test('its records give the same elements and static data', { skip: noShared }, () => {
  for (const vector of vectors<RsaVector>('oda-unionpay-ca09-contact')) {
    const { transcript } = vector;
    // The last: the directory's records have the same names.
    const answerTo = (c: string) => fromHex(transcript[transcript.lastIndexOf(c) + 1]!);
    const elements = new Map<number, Uint8Array>();
    const options = answerTo('80A8000002830000');
    assert.equal(getProcessingOptions.parse(options, elements), null, 'format 1');
    assert.equal(toHex(elements.get(tag.aip)!), '7C00');
    const records = parseFileLocator(elements.get(tag.afl)!);
    assert.equal(records?.length, 9);
    let signed = '';
    for (const { sfi, record, isSigned } of records) {
      const p = Uint8Array.of(record, (sfi << 3) | 4);
      const response = answerTo(`00B2${toHex(p)}00`);
      const end = response.length - 2;
      const problem = addElements(elements, response, end, tag.record, 'recordMalformed');
      assert.equal(problem, null);
      if (isSigned) signed += toHex(response.subarray(response[1] === 0x81 ? 3 : 2, end));
    }
    const staticData = signedStaticData(elements, fromHex(signed));
    assert(typeof staticData !== 'string');
    assert.equal(toHex(staticData.data), vector.staticData);
    for (const [name, value] of elementsOf(vector)) {
      assert.equal(toHex(elements.get(name)!), toHex(value));
    }
  }
});

interface Sm2Vector {
  readonly id: string;
  readonly caPublicKey: string;
  readonly t90: string;
  readonly t9F46: string;
  readonly staticData: string;
  readonly issuerPub: string;
  readonly iccPub: string;
}

function hashOf(publicKey: string): string {
  return toHex(sm2Key(fromHex(publicKey), 'once')!.za);
}

test('SM2 chains of the published test card', { skip: noShared }, () => {
  const [issuerVector, ...cards] = vectors<Sm2Vector>('oda-bctc-ca57-sm2');
  assert(issuerVector && cards.length === 2);
  const keys = { keys: [{ rid: 'A000000333', index: '57', sm2: issuerVector.caPublicKey }] };
  const issuers = new Issuers(CaKeys.parse(JSON.stringify(keys), 'the vector'));
  for (const vector of cards) {
    const elements = new Map([
      [tag.caIndex, fromHex('57')],
      [tag.issuerCertificate, fromHex(issuerVector.t90)],
      [tag.cardCertificate, fromHex(vector.t9F46)],
    ]);
    const issuer = issuers.keyOf(RID, elements, '6228000100001117', TODAY);
    assert(typeof issuer !== 'string' && issuer.algorithm === 'sm2', JSON.stringify(issuer));
    assert.equal(toHex(issuer.key.za), hashOf(issuerVector.issuerPub));
    const staticData = fromHex(vector.staticData);
    const card = cardKeyOf(issuer, elements, staticData, '6228000100001117', TODAY);
    assert(typeof card !== 'string' && card.algorithm === 'sm2', JSON.stringify(card));
    assert.equal(toHex(card.key.za), hashOf(vector.iccPub));
    const certificate = fromHex(vector.t9F46);
    const read = readSm2Certificate('cardCertificate', issuer.key, certificate, staticData);
    assert(typeof read !== 'string');
    assert.deepEqual([toHex(read.expiry), toHex(read.serial)], ['1220', '000001']);
  }
});

interface CaVector {
  readonly index: string;
  readonly modulus?: string;
  readonly exponent?: string;
  readonly sha1?: string;
  readonly sm2PublicKey?: string;
}

function caFile(vector: CaVector): string {
  const { index, modulus, exponent, sha1, sm2PublicKey } = vector;
  const key = sm2PublicKey ? { sm2: sm2PublicKey } : { modulus, exponent, sha1 };
  return JSON.stringify({ keys: [{ rid: 'A000000333', index, ...key }] });
}

test('published CA keys fit their hashes, and no changed one does', { skip: noShared }, () => {
  for (const vector of vectors<CaVector>('capk-unionpay-test')) {
    const keys = CaKeys.parse(caFile(vector), vector.index);
    const found = keys.find(RID, Number.parseInt(vector.index, 16));
    assert.equal(found?.algorithm, vector.modulus ? 'rsa' : 'sm2');
    assert.equal(keys.find(fromHex('A000000334'), Number.parseInt(vector.index, 16)), undefined);
    const field = vector.modulus ? 'modulus' : 'sm2PublicKey';
    const text = vector[field]!;
    for (let at = 0; at < text.length; at += 5) {
      const digit = (Number.parseInt(text[at]!, 16) ^ 1).toString(16);
      const changed = { ...vector, [field]: `${text.slice(0, at)}${digit}${text.slice(at + 1)}` };
      assert.throws(() => CaKeys.parse(caFile(changed), 'changed'), { code: 'CA_KEYS_INVALID' });
    }
  }
});

test('files of CA keys that are none say which field is wrong', () => {
  const rejects = (file: unknown, message: RegExp) =>
    assert.throws(() => CaKeys.parse(JSON.stringify(file), 'ca.json'), {
      code: 'CA_KEYS_INVALID',
      message,
    });
  const [rsa, sm2] = testCaKeys.keys;
  rejects({}, /required property 'keys'/);
  rejects({ keys: [{ ...rsa, exponent: '11' }] }, /\/keys\/0\/exponent/);
  rejects({ keys: [{ ...rsa, sha1: undefined }] }, /sha1/);
  rejects({ keys: [rsa, rsa] }, /\/keys\/1 repeats a key/);
  rejects({ keys: [sm2, { ...rsa, sm2: sm2.sm2 }] }, /\/keys\/1 must NOT have additional/);
  rejects({ keys: [{ ...rsa, lastDay: '2020-13-01' }] }, /\/keys\/0\/lastDay/);
  rejects({ keys: [rsa], revoked: [{ rid: rsa.rid, index: '80' }] }, /\/revoked\/0.*serial/);
  assert.throws(() => CaKeys.parse('{', 'ca.json'), { code: 'CA_KEYS_INVALID' });
});

test('the card in the product is the published one', { skip: noShared }, () => {
  const [vector] = vectors<RsaVector>('oda-bctc-ca80-rsa') as [RsaVector];
  const chain = testCard.chainFor(new Map())!;
  const parts = [chain.issuerCertificate, chain.issuerRemainder!, chain.cardCertificate];
  assert.deepEqual(parts.map(toHex), [vector.t90, vector.t92, vector.t9F46]);
  const [issuer, card] = vectors<Sm2Vector>('oda-bctc-ca57-sm2') as [Sm2Vector, Sm2Vector];
  const sm2Chain = testCard.chainFor(new Map([[0xdf69, Uint8Array.of(1)]]))!;
  const certificates = [sm2Chain.issuerCertificate, sm2Chain.cardCertificate];
  assert.deepEqual(certificates.map(toHex), [issuer.t90, card.t9F46]);
  assert(sm2Chain.signer.kind === 'sm2');
  assert.equal(toHex(sm2Chain.signer.publicKey), card.iccPub);
});

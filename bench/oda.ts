/**
 * What does it cost to know that a bank card is genuine? fDDA v01 of a card of a known issuer at
 * 1152 bits (issuer exponent 3, card exponent 65537, as published chains have them), against the
 * whole chain by node:crypto with each key imported as it comes, and against powers on BigInt; and
 * SM2 signatures, by a known key and by a card's own, against Jacobian points on BigInt.
 */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { fromHex, toHex } from '../engine/bytes.ts';
import type { Dialogue } from '../engine/card/dialogue.ts';
import { authenticate } from '../engine/card/qpboc/oda/authenticate.ts';
import { CaKeys } from '../engine/card/qpboc/oda/ca-keys.ts';
import { Issuers } from '../engine/card/qpboc/oda/issuers.ts';
import { tag } from '../engine/card/qpboc/tags.ts';
import { OptionsForms } from '../engine/card/qpboc/terminal.ts';
import { type EcashTransaction, purchaseEcash } from '../engine/card/qpboc/transaction.ts';
import { sm2Key, verifySm2 } from '../engine/crypto/sm2/signature.ts';
import { EcashCard } from '../gate/reader/virtual/ecash-card.ts';
import {
  type RsaSigner,
  rsaSigner,
  type Sm2Signer,
  signSm2,
  sm2Signer,
} from '../gate/reader/virtual/ecash-crypto.ts';
import { type EcashChain, issueRsaChain } from '../gate/reader/virtual/ecash-issuing.ts';
import { testCard } from '../gate/reader/virtual/ecash-test-card.ts';
import type { Benchmark, Contender, Question } from './harness.ts';
import { bigIntChain, nodeChain, type PlainChain } from './oda/chain.ts';
import { bigIntSm2 } from './oda/sm2-bigint.ts';

const DAY = 2026_11_30;
const policy = { fddaV00: false, staticData: false };
const RID = 'A000000333';

export const odaBenchmark: Benchmark = {
  name: 'oda',
  questions(smoke) {
    const count = smoke ? 2 : 8;
    return [fdda(count), sm2Known(count), sm2Once(count)];
  },
};

/** A question whose contenders leave one verdict for each card in `verdicts`. */
function question(
  name: string,
  verdicts: Uint8Array,
  runs: Readonly<Record<string, () => void>>,
): Question {
  const contenders: Contender[] = Object.entries(runs).map(([who, run]) => ({
    name: who,
    run,
    answer: () => {
      verdicts.fill(2);
      run();
      return verdicts.slice();
    },
  }));
  return { name, operations: verdicts.length, contenders };
}

function fdda(count: number): Question {
  const ca = makeRsa(1408, 3);
  const issuer = makeRsa(1152, 3);
  const sales = Array.from({ length: count }, (_, i) => {
    const sale = saleOf(chainOf(ca, issuer, makeRsa(1152, 65537)));
    // Some are forged, so that a contender that says yes to all does not agree.
    return i % 2 === 1 ? forged(sale) : sale;
  });
  const [modulus, exponent] = [toHex(ca.modulus), toHex(ca.exponent)];
  const sha1 = createHash('sha1')
    .update(fromHex(`${RID}01${modulus}${exponent}`))
    .digest('hex');
  const file = { keys: [{ rid: RID, index: '01', modulus, exponent, sha1 }] };
  const issuers = new Issuers(CaKeys.parse(JSON.stringify(file), 'the CA of the benchmark'));
  const plain = sales.map((sale) => plainChain(ca, sale));
  const verdicts = new Uint8Array(count);
  return question('fDDA, 1152 bits', verdicts, {
    faregate: () => {
      for (const [i, sale] of sales.entries()) {
        verdicts[i] = 'failed' in authenticate(sale, issuers, policy, DAY) ? 0 : 1;
      }
    },
    'BigInt, whole chain': () => {
      for (const [i, chain] of plain.entries()) verdicts[i] = bigIntChain(chain) ? 1 : 0;
    },
    'node:crypto, whole chain, keys imported': () => {
      for (const [i, chain] of plain.entries()) verdicts[i] = nodeChain(chain) ? 1 : 0;
    },
  });
}

function makeRsa(bits: number, exponent: 3 | 65537): RsaSigner {
  const pair = generateKeyPairSync('rsa', { modulusLength: bits, publicExponent: exponent });
  const jwk = pair.privateKey.export({ format: 'jwk' });
  const [p, q, e] = [jwk.p, jwk.q, jwk.e].map((part) => Buffer.from(part ?? '', 'base64url'));
  return rsaSigner(p!, q!, e!);
}

function chainOf(ca: RsaSigner, issuer: RsaSigner, card: RsaSigner): EcashChain {
  return issueRsaChain(ca, issuer, card, {
    caIndex: 1,
    issuerIdentifier: fromHex('622800FF'),
    issuerExpiry: fromHex('1230'),
    cardExpiry: fromHex('1230'),
    issuerSerial: fromHex('000001'),
    cardSerial: fromHex('000001'),
    pan: fromHex('6228000100001117FFFF'),
    staticData: testCard.holderRecord,
    coversRecord: true,
    coversAip: false,
  });
}

function saleOf(chain: EcashChain): EcashTransaction {
  const card = new EcashCard({
    personality: { ...testCard, chainFor: () => chain },
    state: { balanceMinor: 10_000, atc: 1 },
    randomBytes: (length) => new Uint8Array(length).fill(7),
  });
  const terminal = {
    qualifiers: fromHex('28000080'),
    country: 156,
    currency: 156,
    transactionType: 0,
    sm2: false,
  };
  const purchase = {
    amountMinor: 250,
    unpredictableNumber: fromHex('2B29EBE4'),
    date: fromHex('261130'),
    time: fromHex('081500'),
  };
  const forms = new OptionsForms(terminal);
  const result = drive(purchaseEcash([testCard.aid], forms, purchase), card);
  if (result.result !== 'approved') throw new Error(`a card that is ${result.result}`);
  return result.transaction;
}

function drive<R>(dialogue: Dialogue<R>, card: EcashCard): R {
  let next = dialogue.next();
  while (!next.done) {
    next = dialogue.next(next.value.ask === 'card' ? card.transmit(next.value.apdu) : null);
  }
  return next.value;
}

function forged(sale: EcashTransaction): EcashTransaction {
  const signature = Uint8Array.from(sale.elements.get(tag.dynamicSignature)!);
  signature[9]! ^= 1;
  return { ...sale, elements: new Map([...sale.elements, [tag.dynamicSignature, signature]]) };
}

function plainChain(ca: RsaSigner, sale: EcashTransaction): PlainChain {
  const { elements, terminal } = sale;
  const of = (name: number) => elements.get(name) ?? new Uint8Array(0);
  return {
    caModulus: ca.modulus,
    caExponent: ca.exponent,
    issuerCertificate: of(tag.issuerCertificate),
    issuerRemainder: of(tag.issuerRemainder),
    issuerExponent: of(tag.issuerExponent),
    cardCertificate: of(tag.cardCertificate),
    cardRemainder: of(tag.cardRemainder),
    cardExponent: of(tag.cardExponent),
    staticData: sale.staticData,
    signature: of(tag.dynamicSignature),
    signed: Buffer.concat([
      terminal.get(tag.unpredictableNumber)!,
      terminal.get(tag.amount)!,
      terminal.get(tag.currency)!,
      of(tag.cardAuthentication),
    ]),
  };
}

interface Signed {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

function signedBy(signer: Sm2Signer, i: number): Signed {
  const message = new Uint8Array(110).fill(i);
  const random = (length: number) => new Uint8Array(length).fill(i + 1);
  const signature = Uint8Array.from(signSm2(signer, message, random));
  if (i % 2 === 1) signature[40]! ^= 1;
  return { publicKey: signer.publicKey, message, signature };
}

function sm2Known(count: number): Question {
  const signer = sm2Signer(new Uint8Array(32).fill(0x21));
  const all = Array.from({ length: count }, (_, i) => signedBy(signer, i));
  const key = sm2Key(signer.publicKey, 'known')!;
  return sm2Question('SM2 signature of a known key', all, (one) =>
    verifySm2(key, one.message, one.signature),
  );
}

function sm2Once(count: number): Question {
  const all = Array.from({ length: count }, (_, i) =>
    signedBy(sm2Signer(new Uint8Array(32).fill(0x31 + i)), i),
  );
  return sm2Question("SM2 signature of a card's own key", all, (one) =>
    verifySm2(sm2Key(one.publicKey, 'once')!, one.message, one.signature),
  );
}

function sm2Question(
  name: string,
  all: readonly Signed[],
  verify: (one: Signed) => boolean,
): Question {
  const verdicts = new Uint8Array(all.length);
  const asked = question(name, verdicts, {
    faregate: () => {
      for (const [i, one] of all.entries()) verdicts[i] = verify(one) ? 1 : 0;
    },
    'BigInt, Jacobian points': () => {
      for (const [i, one] of all.entries()) {
        verdicts[i] = bigIntSm2(one.publicKey, one.message, one.signature) ? 1 : 0;
      }
    },
  });
  return { ...asked, iterationsMin: 16 };
}

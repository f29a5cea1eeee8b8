/**
 * The purse's keys and MACs with node:crypto, one cipher object a call: a second implementation for
 * tests. Where SM4 has no published convention it shares the conventions of `engine/crypto`.
 */
import { createCipheriv } from 'node:crypto';

/** OpenSSL 3 has no single DES: triple DES with one key three times is the same. */
export function nodeDes(key: Uint8Array, data: Uint8Array): Uint8Array {
  return ecb('des-ede3', Buffer.concat([key, key, key]), data);
}

export function nodeEde(key: Uint8Array, data: Uint8Array): Uint8Array {
  return ecb('des-ede-ecb', key, data);
}

export function nodeSm4(key: Uint8Array, data: Uint8Array): Uint8Array {
  return ecb('sm4-ecb', key, data);
}

function ecb(name: string, key: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(createCipheriv(name, key, null).setAutoPadding(false).update(data));
}

/** `data` ‖ 80 ‖ zeros to a multiple of `size`. */
export function padded(data: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array((Math.floor(data.length / size) + 1) * size);
  out.set(data);
  out[data.length] = 0x80;
  return out;
}

/** CBC-MAC, IV 0, of a message that is whole blocks. */
function cbcMac(encrypt: (block: Uint8Array) => Uint8Array, message: Uint8Array, size: number) {
  let chain = new Uint8Array(size);
  for (let at = 0; at < message.length; at += size) {
    chain = new Uint8Array(encrypt(chain.map((byte, i) => byte ^ message[at + i]!)));
  }
  return chain;
}

export function nodeDesMac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return cbcMac((block) => nodeDes(key, block), padded(message, 8), 8);
}

export function nodeRetailMac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const all = padded(message, 8);
  const head = cbcMac((block) => nodeDes(key.slice(0, 8), block), all.slice(0, -8), 8);
  return nodeEde(
    key,
    head.map((byte, i) => byte ^ all[all.length - 8 + i]!),
  );
}

export function nodeSm4Mac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return cbcMac((block) => nodeSm4(key, block), padded(message, 16), 16);
}

export type Algorithm = '3des' | 'sm4';

/** The factors of a card's key, 8 bytes each. */
export function factorsOf(key: { factors: Uint8Array; factorLevels: number }): Uint8Array[] {
  return [key.factors.slice(0, 8), key.factors.slice(8, 16)].slice(0, key.factorLevels);
}

/** Diversifies by each factor in turn. */
export function nodeCardKey(
  algorithm: Algorithm,
  master: Uint8Array,
  factors: readonly Uint8Array[],
): Uint8Array {
  const encrypt = algorithm === '3des' ? nodeEde : nodeSm4;
  return factors.reduce(
    (key, factor) => encrypt(key, Uint8Array.of(...factor, ...factor.map((byte) => ~byte))),
    master,
  );
}

export interface NodePurchase {
  readonly random: Uint8Array;
  readonly offlineCounter: number;
  readonly terminalSequence: number;
  readonly amountMinor: number;
  readonly transactionType: number;
  readonly terminalId: Uint8Array;
  readonly dateTime: Uint8Array;
  readonly cityCode: Uint8Array | null;
}

const number = (value: number, bytes: number): number[] =>
  Array.from({ length: bytes }, (_, i) => Math.floor(value / 256 ** (bytes - 1 - i)) % 256);

/** MAC1 and MAC2 of a purchase, 4 bytes each. */
export function nodePurchaseMacs(
  algorithm: Algorithm,
  cardKey: Uint8Array,
  p: NodePurchase,
): { mac1: Uint8Array; mac2: Uint8Array } {
  const x = [
    ...p.random,
    ...number(p.offlineCounter, 2),
    ...number(p.terminalSequence, 4).slice(2),
  ];
  const session =
    algorithm === '3des'
      ? nodeEde(cardKey, Uint8Array.from(x))
      : nodeSm4(cardKey, Uint8Array.from([...x, 0x80, 0, 0, 0, 0, 0, 0, 0]));
  const mac = algorithm === '3des' ? nodeDesMac : nodeSm4Mac;
  const amount = number(p.amountMinor, 4);
  const terms = [...amount, p.transactionType, ...p.terminalId, ...p.dateTime];
  return {
    mac1: mac(session, Uint8Array.from([...terms, ...(p.cityCode ?? [])])).slice(0, 4),
    mac2: mac(session, Uint8Array.from(amount)).slice(0, 4),
  };
}

/** TAC of a purchase, 4 bytes. */
export function nodePurchaseTac(
  algorithm: Algorithm,
  cardKey: Uint8Array,
  p: NodePurchase,
): Uint8Array {
  const message = Uint8Array.from([
    ...number(p.amountMinor, 4),
    p.transactionType,
    ...p.terminalId,
    ...number(p.terminalSequence, 4),
    ...p.dateTime,
  ]);
  if (algorithm === 'sm4') return nodeSm4Mac(cardKey, message).slice(0, 4);
  const half = cardKey.slice(0, 8).map((byte, i) => byte ^ cardKey[8 + i]!);
  return nodeDesMac(half, message).slice(0, 4);
}

/**
 * What does a sealed record of a journal cost, and one opened? XChaCha20-Poly1305 of 160 bytes with
 * 40 associated, under a subkey at hand, on the module of our own, on noble's functions laid out
 * for it, and by noble's one-shot function as one would call it.
 */
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { writeU32 } from '../engine/bytes.ts';
import {
  AEAD_KEY_BYTES,
  AEAD_PREFIX_BYTES,
  AEAD_TAG_BYTES,
  createAead,
} from '../engine/crypto/aead.ts';
import { webAssembly } from '../engine/crypto/bitslice/wasm.ts';
import { DEBIT_BYTES } from '../engine/debit/record.ts';
import type { Benchmark, Contender, Question } from './harness.ts';

const RECORDS = 256;
const SEALED_BYTES = DEBIT_BYTES + AEAD_TAG_BYTES;
const key = new Uint8Array(AEAD_KEY_BYTES).fill(1);
const nonce = new Uint8Array(AEAD_PREFIX_BYTES + 8).fill(2);
const associated = new Uint8Array(40).fill(3);
const record = Uint8Array.from({ length: DEBIT_BYTES }, (_, i) => i);

/** Seals or opens the record in place `place` of `out`. */
type Work = (place: number, out: Uint8Array) => void;

export const sealBenchmark: Benchmark = {
  name: 'seal',
  questions: () => {
    const sealed = new Uint8Array(RECORDS * SEALED_BYTES);
    for (let i = 0; i < RECORDS; i++) oneShotSeal(i, sealed);
    return [
      question('seal a record', SEALED_BYTES, [seal(webAssembly), seal(null), oneShotSeal]),
      question('open a record', DEBIT_BYTES, [
        open(sealed, webAssembly),
        open(sealed, null),
        (place, out) => {
          const bytes = sealed.subarray(place * SEALED_BYTES, (place + 1) * SEALED_BYTES);
          out.set(oneShot(place).decrypt(bytes), place * DEBIT_BYTES);
        },
      ]),
    ];
  },
};

function question(name: string, bytes: number, works: readonly Work[]): Question {
  const names = ['module of our own', "noble's functions", "noble's one-shot function"];
  const contenders = works.map((work, i): Contender => {
    const out = new Uint8Array(RECORDS * bytes);
    const run = () => {
      for (let place = 0; place < RECORDS; place++) work(place, out);
    };
    return {
      name: names[i]!,
      run,
      answer: () => {
        run();
        return out;
      },
    };
  });
  return { name, operations: RECORDS, contenders };
}

function seal(host: typeof webAssembly): Work {
  const aead = createAead(key, nonce.subarray(0, AEAD_PREFIX_BYTES), DEBIT_BYTES, host);
  return (place, out) => aead.seal(0, place, associated, record, out, place * SEALED_BYTES);
}

function open(sealed: Uint8Array, host: typeof webAssembly): Work {
  const aead = createAead(key, nonce.subarray(0, AEAD_PREFIX_BYTES), DEBIT_BYTES, host);
  return (place, out) => {
    const bytes = sealed.subarray(place * SEALED_BYTES, (place + 1) * SEALED_BYTES);
    out.set(aead.open(0, place, associated, bytes)!, place * DEBIT_BYTES);
  };
}

function oneShot(place: number) {
  writeU32(nonce, AEAD_PREFIX_BYTES, 0);
  writeU32(nonce, AEAD_PREFIX_BYTES + 4, place);
  return xchacha20poly1305(key, nonce, associated);
}

function oneShotSeal(place: number, out: Uint8Array): void {
  out.set(oneShot(place).encrypt(record), place * SEALED_BYTES);
}

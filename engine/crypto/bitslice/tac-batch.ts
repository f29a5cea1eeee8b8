/**
 * Checks the TACs of a whole batch of debit records from the master keys: triple-DES ones 128 at a
 * time on the bitsliced cipher, where there are enough of one key; the rest, SM4, and everything on
 * hosts without WebAssembly SIMD one by one (`TacVerifier`). Both give the same verdicts.
 */
import assert from 'node:assert/strict';
import { at } from '../../debit/codec.ts';
import { DEBIT_BYTES } from '../../debit/record.ts';
import { TAC_CHUNK_RECORDS, TAC_LANES_MIN } from '../../limits.ts';
import type { Keyring, MasterSchedule } from '../keyring.ts';
import { TacVerifier, tacCodes } from '../tac.ts';
import { loadWord } from '../words.ts';
import { DIFFERENT, LANES, RECORDS, ROWS } from './layout.ts';
import { BitslicedDes } from './module.ts';
import { type WebAssemblyHost, webAssembly } from './wasm.ts';

export interface TacBatch {
  /** Whether batches are bitsliced here. */
  readonly bitsliced: boolean;
  /**
   * Writes the verdict (`tacCodes`) of each of `count` debit records to `verdicts[0..count)`.
   * @param records `count` times 160 bytes (`codec.ts`), from its start; any buffer, shared too
   */
  verify(records: Uint8Array, count: number, verdicts: Uint8Array): void;
  /** Works on made-up records until the host has compiled the cipher at its best: under 0.1 s. */
  warm(): void;
}

export interface TacBatchOptions {
  /** The host's WebAssembly; null to do without. Its own by default. */
  readonly webAssembly?: WebAssemblyHost | null;
}

export function createTacBatch(keyring: Keyring, options: TacBatchOptions = {}): TacBatch {
  const host = options.webAssembly === undefined ? webAssembly : options.webAssembly;
  const cipher = BitslicedDes.create(host);
  return cipher === null ? new PlainTacBatch(keyring) : new BitslicedTacBatch(keyring, cipher);
}

class PlainTacBatch implements TacBatch {
  readonly bitsliced = false;
  readonly #verifier: TacVerifier;

  constructor(keyring: Keyring) {
    this.#verifier = new TacVerifier(keyring);
  }

  verify(records: Uint8Array, count: number, verdicts: Uint8Array): void {
    assert(records.length >= count * DEBIT_BYTES && verdicts.length >= count);
    for (let i = 0; i < count; i++) {
      verdicts[i] = tacCodes[this.#verifier.verify(records, i * DEBIT_BYTES)];
    }
  }

  warm(): void {}
}

/** Records of one chunk that share a master key and the number of factors, as a linked list. */
interface Group {
  readonly master: MasterSchedule;
  readonly levels: number;
  count: number;
  /** The record added last, or -1; `#next` leads to the one before. */
  last: number;
}

/** Times a first batch is repeated to warm up. */
const WARM_BATCHES = 40;

class BitslicedTacBatch implements TacBatch {
  readonly bitsliced = true;
  readonly #verifier: TacVerifier;
  readonly #cipher: BitslicedDes;
  readonly #keyring: Keyring;
  readonly #groups: Group[] = [];
  /** Of each master, by the number of factors. */
  readonly #groupsOf = new Map<MasterSchedule, readonly Group[]>();
  readonly #next = new Int32Array(TAC_CHUNK_RECORDS);
  readonly #lanes = new Int32Array(LANES);

  constructor(keyring: Keyring, cipher: BitslicedDes) {
    this.#verifier = new TacVerifier(keyring);
    this.#cipher = cipher;
    this.#keyring = keyring;
    for (const master of keyring.list()) {
      if (master.use === 'tac' && master.cipher.algorithm === '3des') {
        const groups = [1, 2].map((levels) => ({ master, levels, count: 0, last: -1 }));
        this.#groups.push(...groups);
        this.#groupsOf.set(master, groups);
      }
    }
  }

  verify(records: Uint8Array, count: number, verdicts: Uint8Array): void {
    assert(records.length >= count * DEBIT_BYTES && verdicts.length >= count);
    for (let first = 0; first < count; first += TAC_CHUNK_RECORDS) {
      const length = Math.min(TAC_CHUNK_RECORDS, count - first);
      const from = first * DEBIT_BYTES;
      this.#cipher.memory.set(records.subarray(from, from + length * DEBIT_BYTES), RECORDS);
      this.#verifyChunk(length, verdicts, first);
    }
  }

  /** Checks the `count` records at RECORDS. */
  #verifyChunk(count: number, verdicts: Uint8Array, first: number): void {
    this.#group(count, verdicts, first);
    for (const group of this.#groups) {
      while (group.count >= TAC_LANES_MIN) this.#verifyLanes(group, verdicts, first);
      for (; group.count > 0; group.count--) {
        this.#verifyOne(group.last, verdicts, first);
        group.last = this.#next[group.last]!;
      }
    }
  }

  /** Puts records that can be bitsliced into their groups and checks the others. */
  #group(count: number, verdicts: Uint8Array, first: number): void {
    const records = this.#cipher.memory;
    const { namesIssuers } = this.#keyring;
    let name = -1;
    let left = 0;
    let right = 0;
    let group: Group | undefined;
    for (let i = 0; i < count; i++) {
      const record = RECORDS + i * DEBIT_BYTES;
      const levels = records[record + at.factorLevels]!;
      const index = records[record + at.keyIndex]!;
      const version = records[record + at.keyVersion]!;
      const own = (levels << 16) | (index << 8) | version;
      // Where no key names an issuer, all issuers' records are of one group.
      const ownLeft = namesIssuers ? loadWord(records, record + at.issuer) : 0;
      const ownRight = namesIssuers ? loadWord(records, record + at.issuer + 4) : 0;
      if (own !== name || ownLeft !== left || ownRight !== right) {
        name = own;
        left = ownLeft;
        right = ownRight;
        const master = this.#keyring.find('tac', index, version, 0, left, right);
        group = master && this.#groupsOf.get(master)![levels - 1];
      }
      if (group === undefined || records[record + at.algorithm] !== 0) {
        this.#verifyOne(i, verdicts, first);
      } else {
        this.#next[i] = group.last;
        group.last = i;
        group.count++;
      }
    }
  }

  #verifyOne(record: number, verdicts: Uint8Array, first: number): void {
    const verdict = this.#verifier.verify(this.#cipher.memory, RECORDS + record * DEBIT_BYTES);
    verdicts[first + record] = tacCodes[verdict];
  }

  /** Takes up to 128 records off a group and checks them together. */
  #verifyLanes(group: Group, verdicts: Uint8Array, first: number): void {
    const { memory, words } = this.#cipher;
    const used = Math.min(group.count, LANES);
    for (let lane = 0; lane < LANES; lane++) {
      // Empty lanes repeat the record before; nobody reads their result.
      if (lane < used) {
        this.#lanes[lane] = group.last;
        group.last = this.#next[group.last]!;
      }
      words[ROWS / 4 + lane] = RECORDS + this.#lanes[Math.min(lane, used - 1)]! * DEBIT_BYTES;
    }
    group.count -= used;
    this.#cipher.useMaster(group.master.schedule);
    this.#cipher.tac(group.levels - 1);
    for (let lane = 0; lane < used; lane++) {
      // Lane 16g + j is bit g, from the left, of byte j (`transpose.ts`).
      const different = (memory[DIFFERENT + (lane & 15)]! >> (7 - (lane >> 4))) & 1;
      verdicts[first + this.#lanes[lane]!] = different === 1 ? tacCodes.invalid : tacCodes.valid;
    }
  }

  warm(): void {
    const group = this.#groups[0];
    if (group === undefined) return;
    const { issuer } = group.master;
    const records = new Uint8Array(TAC_CHUNK_RECORDS * DEBIT_BYTES);
    for (let i = 0; i < TAC_CHUNK_RECORDS; i++) {
      records[i * DEBIT_BYTES + at.keyIndex] = group.master.index;
      records[i * DEBIT_BYTES + at.keyVersion] = group.master.version;
      records[i * DEBIT_BYTES + at.factorLevels] = 1 + (i & 1);
      if (issuer) records.set(issuer, i * DEBIT_BYTES + at.issuer);
    }
    const verdicts = new Uint8Array(TAC_CHUNK_RECORDS);
    for (let i = 0; i < WARM_BATCHES; i++) this.verify(records, TAC_CHUNK_RECORDS, verdicts);
  }
}

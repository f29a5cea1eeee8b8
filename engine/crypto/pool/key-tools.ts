/**
 * What jobs compute with: one version of an operator's keys, made ready once in each thread that
 * works with it. A table of S-boxes or a compiled module is made when a job first asks for it.
 */
import { CardKeyBatch } from '../bitslice/card-keys.ts';
import { createTacBatch, type TacBatch } from '../bitslice/tac-batch.ts';
import type { KeySet } from '../key-set.ts';
import { Keyring } from '../keyring.ts';
import { type CmacKey, cmacKey } from '../mac.ts';

export class KeyTools {
  readonly keyring: Keyring;
  /** Hashes card numbers. */
  readonly hashKey: CmacKey;
  #tacs: TacBatch | null = null;
  #cardKeys: CardKeyBatch | null = null;

  constructor(keys: KeySet) {
    this.keyring = new Keyring(keys.keys);
    this.hashKey = cmacKey(keys.cardHash);
  }

  get tacs(): TacBatch {
    this.#tacs ??= createTacBatch(this.keyring);
    return this.#tacs;
  }

  get cardKeys(): CardKeyBatch {
    this.#cardKeys ??= new CardKeyBatch();
    return this.#cardKeys;
  }

  /** Has the ciphers compiled at their best before the first job: under 0.1 s. */
  warm(): void {
    this.tacs.warm();
  }
}

/**
 * What a station does beside taps and uploads: it puts a signed delta of 10,000 cards in force, and
 * derives its cards' keys anew, over and over.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { hashKeyCheck } from '../../engine/denylist/card-hash.ts';
import { writeDelta } from '../../engine/denylist/list-writer.ts';
import { addToDigest } from '../../engine/denylist/set-digest.ts';
import { signer } from '../../engine/denylist/signing.ts';
import { sortKeys } from '../../engine/denylist/sorted-keys.ts';
import { DenylistStore } from '../../gate/denylist/denylist-store.ts';
import { IDENTITY_WORDS } from '../../gate/sam/card-keys.ts';
import type { StationKeys } from '../../gate/sam/station-keys.ts';
import { HASH_KEY, keyringOf, type LoadPlan } from './plan.ts';

const CHANGES = 10_000;
const CARDS = 10_000;
const DELTAS = 60;
const DELTA_MS = 500;
const KEYS_MS = 1000;
const NO_RANGES = new Uint8Array(0);
const NO_KEYS = new Int32Array(0);

export class Upkeep {
  readonly store: DenylistStore;
  readonly #deltas: readonly Uint8Array[][];
  readonly #plan: LoadPlan;
  #timers: NodeJS.Timeout[] = [];
  #isTaking = false;
  deltasTaken = 0;
  keysDerived = 0;

  private constructor(plan: LoadPlan, store: DenylistStore, deltas: readonly Uint8Array[][]) {
    this.#plan = plan;
    this.store = store;
    this.#deltas = deltas;
  }

  static async open(plan: LoadPlan): Promise<Upkeep> {
    const operator = generateKeyPairSync('ed25519');
    const hashKey = cmacKey(HASH_KEY);
    const store = await DenylistStore.open({
      dir: join(plan.dir, `denylist-${process.pid}`),
      hashKey,
      publicKey: operator.publicKey,
      form: 'fast',
    });
    const keys = sortKeys(new Int32Array(new Uint8Array(randomBytes(8 * CHANGES)).buffer));
    const sign = signer(operator.privateKey);
    const deltas = makeDeltas(keys, { issuedMs: 0, keyCheck: hashKeyCheck(hashKey), sign });
    return new Upkeep(plan, store, deltas);
  }

  /** Begins; `stop` ends it. */
  async start(keys: StationKeys): Promise<void> {
    const identities = new Int32Array(
      new Uint8Array(randomBytes(4 * IDENTITY_WORDS * CARDS)).buffer,
    );
    // One diversification, 3DES, index and version of the plan's key.
    for (let card = 0; card < CARDS; card++) {
      identities[card * IDENTITY_WORDS + 4] = 0x0100_0101;
    }
    await keys.current.warm(identities);
    this.#timers = [
      setInterval(() => void this.#takeDelta(), DELTA_MS),
      setInterval(() => void this.#deriveKeys(keys), KEYS_MS),
    ];
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** None while the one before is being received. */
  async #takeDelta(): Promise<void> {
    const delta = this.#deltas[this.deltasTaken];
    if (!delta || this.#isTaking) return;
    this.#isTaking = true;
    await this.store.receive(delta, 'delta');
    this.deltasTaken += 1;
    this.#isTaking = false;
  }

  async #deriveKeys(keys: StationKeys): Promise<void> {
    await keys.replace(keyringOf(this.#plan));
    this.keysDerived += keys.current.derived;
  }
}

/** Deltas one after another: the same cards are stopped, let go, and stopped again. */
function makeDeltas(keys: Int32Array, origin: Parameters<typeof writeDelta>[3]): Uint8Array[][] {
  const nothing = { entries: 0, digest: new Int32Array(4), ranges: NO_RANGES };
  const digest = new Int32Array(4);
  for (let i = 0; i < keys.length; i += 2) addToDigest(digest, keys[i]!, keys[i + 1]!);
  const all = { entries: keys.length / 2, digest, ranges: NO_RANGES };
  return Array.from({ length: DELTAS }, (_, version) => {
    const [from, to] = version % 2 === 0 ? [nothing, all] : [all, nothing];
    const changes =
      version % 2 === 0 ? { added: keys, removed: NO_KEYS } : { added: NO_KEYS, removed: keys };
    const next = { ...to, version: version + 1 };
    return [...writeDelta({ ...from, version }, next, changes, origin)];
  });
}

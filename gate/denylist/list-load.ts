/** Reads one signed list file onto the list before it, in slices, so that taps go on. */
import type { KeyObject } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { CmacKey } from '../../engine/crypto/mac.ts';
import { hashKeyCheck } from '../../engine/denylist/card-hash.ts';
import type { DenylistForm } from '../../engine/denylist/key-table.ts';
import { verifier } from '../../engine/denylist/signing.ts';
import { StopList } from '../../engine/denylist/stop-list.ts';
import { applyDelta, Successor } from '../../engine/denylist/successor.ts';

export interface ListKeys {
  /** The key card numbers are hashed under. */
  readonly hashKey: CmacKey;
  /** The operator's Ed25519 public key of lists. */
  readonly publicKey: KeyObject;
  readonly form: DenylistForm;
}

/** A list file that can be read again. */
export interface ListSource {
  /** Names it in errors. */
  readonly name: string;
  read(): AsyncIterable<Uint8Array>;
}

/**
 * The list that the file makes of `list`: another one for a full list, the same changed in place for
 * a delta.
 * @throws FaregateError DENYLIST_REFUSED, DENYLIST_GAP naming the file, and what `source` throws.
 */
export async function listAfter(
  list: StopList,
  source: ListSource,
  { hashKey, publicKey, form }: ListKeys,
): Promise<StopList> {
  const options = { source: source.name, verify: verifier(publicKey), form };
  const successor = new Successor(list, { ...options, keyCheck: hashKeyCheck(hashKey) });
  for await (const piece of source.read()) successor.push(piece);
  const next = await inSlices(successor.end());
  return next instanceof StopList ? next : inSlices(applyDelta(list, next, source.name));
}

/** Runs work in slices to its end, with the thread free after each. */
export async function inSlices<T>(work: Generator<void, T>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await turn();
  }
}

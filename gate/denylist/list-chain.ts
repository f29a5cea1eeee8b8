/**
 * The denylist that a parameter set names: a full list and the deltas on it, each signed on its
 * own. Where the list in force is one of the chain, only the deltas after it are applied, in place;
 * otherwise the chain is loaded from its beginning, also back to an older list when the operator
 * goes back to an older set. Taps go on meanwhile.
 */
import { hashKeyCheck } from '../../engine/denylist/card-hash.ts';
import { Denylist } from '../../engine/denylist/denylist.ts';
import type { ListHead } from '../../engine/denylist/list-head.ts';
import { ListReader } from '../../engine/denylist/list-reader.ts';
import { sameDigest } from '../../engine/denylist/set-digest.ts';
import { verifier } from '../../engine/denylist/signing.ts';
import type { StopList } from '../../engine/denylist/stop-list.ts';
import { emptyList } from '../../engine/denylist/successor.ts';
import { FaregateError } from '../../engine/errors.ts';
import { type ListKeys, type ListSource, listAfter } from './list-load.ts';

/**
 * Makes the list of a chain ready.
 * @param mayChange whether deltas may be applied to `current`, which nobody else goes back to
 * @returns puts it in force: answers the denylist for the taps that follow, which may be
 *   `current`, changed in place
 * @throws FaregateError DENYLIST_REFUSED, DENYLIST_GAP naming the file; nothing has changed then
 */
export async function prepareChain(
  chain: readonly ListSource[],
  current: Denylist,
  mayChange: boolean,
  keys: ListKeys,
): Promise<() => Promise<Denylist>> {
  const heads = await checkChain(chain, keys);
  const { version, digest } = current.list.name();
  const at = heads.findIndex((head) => head.version === version && sameDigest(head.digest, digest));
  if (at === chain.length - 1) return async () => current;
  if (at < 0 || !mayChange) {
    const list = await load(emptyList(keys.form), chain, keys);
    return async () => new Denylist(keys.hashKey, list);
  }
  return async () => {
    for (const source of chain.slice(at + 1)) {
      const list = await load(current.list, [source], keys);
      if (list !== current.list) current.replace(list);
    }
    return current;
  };
}

/** Reads every file whole: signature, content, hashing key, and that it follows the one before. */
async function checkChain(chain: readonly ListSource[], keys: ListKeys): Promise<ListHead[]> {
  const keyCheck = hashKeyCheck(keys.hashKey);
  const heads: ListHead[] = [];
  for (const [index, source] of chain.entries()) {
    const { name } = source;
    const refuse = (why: string) => new FaregateError('DENYLIST_REFUSED', `${name}: ${why}`);
    const before = heads.at(-1);
    const accept = (head: ListHead) => {
      if (head.keyCheck !== keyCheck) throw refuse('its cards are hashed under another key');
      if ((head.kind === 'full') !== (index === 0)) {
        throw refuse('a full list comes first, then the deltas on it');
      }
      const follows =
        !before ||
        (head.fromVersion === before.version && sameDigest(head.fromDigest, before.digest));
      if (!follows) {
        throw new FaregateError('DENYLIST_GAP', `${name}: builds on another list`);
      }
      heads.push(head);
      return { add: () => true, remove: () => true };
    };
    const options = { source: name, verify: verifier(keys.publicKey), accept };
    const reader = new ListReader(options);
    for await (const piece of source.read()) reader.push(piece);
    reader.end();
  }
  return heads;
}

/** The list after `list` that these files make, in order. */
async function load(
  list: StopList,
  chain: readonly ListSource[],
  keys: ListKeys,
): Promise<StopList> {
  let result = list;
  for (const source of chain) result = await listAfter(result, source, keys);
  return result;
}

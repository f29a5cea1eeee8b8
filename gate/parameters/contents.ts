/**
 * What a station works by: fares, profiles, denylist, accepted keys, settings and mode; from its
 * own configuration, and from the parameter set in force where that names them.
 */
import { type CompiledProfile, compileProfile } from '../../engine/card/purse/compile.ts';
import { parseProfile } from '../../engine/card/purse/profile.ts';
import type { Denylist } from '../../engine/denylist/denylist.ts';
import { FaregateError } from '../../engine/errors.ts';
import { type FareVersions, fareBook } from '../../engine/fare/book.ts';
import { compileFares } from '../../engine/fare/compile.ts';
import { unpackFares } from '../../engine/parameters/fares-item.ts';
import type { ItemKind } from '../../engine/parameters/item-kinds.ts';
import type { Manifest, ParameterItem } from '../../engine/parameters/manifest.ts';
import {
  type GateSettings,
  type KeyVersions,
  parseGateSettings,
  parseKeyVersions,
  parseModes,
} from '../../engine/parameters/text-items.ts';
import { prepareChain } from '../denylist/list-chain.ts';
import type { ListKeys } from '../denylist/list-load.ts';
import type { SetFolder } from './set-folder.ts';

export interface Contents {
  /** The parameter set in force; 0: none. */
  readonly parametersVersion: number;
  /** Its instant; 0 where none is. */
  readonly effectiveMs: number;
  readonly fares: FareVersions;
  readonly profiles: readonly CompiledProfile[];
  readonly denylist: Denylist;
  /** Purchase keys that are accepted; null: all that the station holds. */
  readonly keyVersions: KeyVersions | null;
  readonly settings: GateSettings & Required<Pick<GateSettings, 'city' | 'institution'>>;
  /** Modes that the set puts the station in, a mask; null: it says nothing of them. */
  readonly mode: number | null;
}

export interface LoadContents {
  /** The gate's own configuration, for what a set does not name. */
  readonly own: Contents;
  /** In force now: its denylist may be gone on with. */
  readonly current: Contents;
  readonly listKeys: ListKeys;
}

/** A set's contents, but for the denylist, which deltas change only as the set comes into force. */
export interface Loaded {
  readonly contents: Omit<Contents, 'denylist'>;
  /** Once, at that moment. @throws FaregateError DENYLIST_REFUSED. */
  readonly denylist: () => Promise<Denylist>;
}

/**
 * Reads and checks all that a set holds.
 * @throws FaregateError of the item's kind, naming set and item; nothing has changed then
 */
export async function loadContents(
  manifest: Manifest,
  folder: SetFolder,
  { own, current, listKeys }: LoadContents,
): Promise<Loaded> {
  const of = (kind: ItemKind) => manifest.items.filter((item) => item.kind === kind);
  const nameOf = ({ kind, name }: ParameterItem) => `item ${kind} ${name}`;
  const textOf = async (item: ParameterItem) =>
    Buffer.from(await folder.readWhole(item)).toString('utf8');
  const one = async <T>(kind: ItemKind, parse: (text: string, source: string) => T, or: T) => {
    const item = of(kind)[0];
    return item ? parse(await textOf(item), nameOf(item)) : or;
  };
  const fares = [];
  for (const item of of('fares')) {
    fares.push(compileFares(unpackFares(await folder.readWhole(item), nameOf(item))));
  }
  requireDistinct(fares.map(({ version }) => version));
  const profiles = [];
  for (const item of of('profile')) {
    profiles.push(compileProfile(parseProfile(await textOf(item), nameOf(item))));
  }
  const contents = {
    parametersVersion: manifest.version,
    effectiveMs: manifest.effectiveMs,
    fares: fares.length > 0 ? fareBook(fares) : own.fares,
    profiles: profiles.length > 0 ? profiles : own.profiles,
    keyVersions: await one('keys', parseKeyVersions, null),
    settings: { ...own.settings, ...(await one('gateConfig', parseGateSettings, {})) },
    mode: await one('mode', parseModes, null),
  };
  const chain = [...of('denylist'), ...of('denylistDelta')];
  if (chain.length === 0) return { contents, denylist: async () => own.denylist };
  const sources = chain.map((item) => ({ name: nameOf(item), read: () => folder.read(item) }));
  const mayChange = current.denylist !== own.denylist;
  const denylist = await prepareChain(sources, current.denylist, mayChange, listKeys);
  return { contents, denylist };
}

function requireDistinct(versions: readonly number[]): void {
  const twice = versions.find((version, i) => versions.indexOf(version) !== i);
  if (twice === undefined) return;
  throw new FaregateError('FARES_INVALID', `fare version ${twice} is there twice`);
}

/**
 * `faregate-engine parameters`: publish a signed set of fares, lists and settings for gates, see
 * what is published, verify it, and go back to an older one.
 */
import { verifier } from '../denylist/signing.ts';
import { FaregateError } from '../errors.ts';
import { formatInstant, parseInstant } from '../fare/instant.ts';
import { PARAMETERS_VERSION_MAX } from '../limits.ts';
import { isDataFolder } from '../operator/data-folder.ts';
import { readPublicKey, readSigningKey } from '../operator/denylist-files.ts';
import {
  checkItem,
  parametersDir,
  publishedVersions,
  readSet,
} from '../operator/parameter-files.ts';
import {
  type Publishing,
  publishSet,
  rollBack,
  type Sources,
} from '../operator/parameter-publish.ts';
import { readRegistry } from '../operator/registry.ts';
import { type ItemKind, itemKinds } from '../parameters/item-kinds.ts';
import type { Manifest } from '../parameters/manifest.ts';
import { inForceAt, isSuperseded } from '../parameters/versions.ts';
import type { Args, Command, Io, Option } from './command.ts';

const data: Option = { type: 'string', value: 'DIR', required: true, about: 'data of the engine' };
const json: Option = { type: 'boolean', about: 'print JSON' };
const signingKey: Option = {
  type: 'string',
  value: 'FILE',
  required: true,
  about: "the operator's signing key, of `denylist key`",
};
const effective: Option = {
  type: 'string',
  value: 'INSTANT',
  about: 'in force from then, ISO 8601 with a zone; without it at once',
};
const version: Option = { type: 'string', value: 'N', about: 'number of the set (default: next)' };

export const parameterCommands: readonly Command[] = [
  {
    name: 'parameters publish',
    about: 'Signs a set of what is named here and gives it to gates.',
    options: {
      data,
      'signing-key': signingKey,
      version,
      effective,
      base: { type: 'string', value: 'N', about: 'kinds not named here are as in set N' },
      gate: { type: 'string', value: 'ID', multiple: true, about: 'for this gate, not for all' },
      station: {
        type: 'string',
        value: 'NAME',
        multiple: true,
        about: 'for the gates enrolled there',
      },
      fares: { type: 'string', value: 'DIR', about: 'every fare version of a folder, or `sample`' },
      denylist: {
        type: 'string',
        value: 'FILE',
        multiple: true,
        about: 'full list, then its deltas',
      },
      'list-key': { type: 'string', value: 'FILE', about: 'public key of the lists, if another' },
      profile: {
        type: 'string',
        value: 'FILE',
        multiple: true,
        about: 'in the order of selection',
      },
      'key-versions': { type: 'string', value: 'FILE', about: 'purchase keys that are accepted' },
      'gate-config': { type: 'string', value: 'FILE', about: 'settings of gates' },
      mode: { type: 'string', value: 'NAME', multiple: true, about: 'mode of the stations' },
      json,
    },
    run: publish,
  },
  {
    name: 'parameters show',
    about: 'Lists the published sets, or shows one.',
    options: { data, version: { ...version, about: 'this set (default: all)' }, json },
    run: show,
  },
  {
    name: 'parameters verify',
    about: 'Checks signature and items of every set, or of one.',
    options: {
      data,
      'public-key': {
        type: 'string',
        value: 'FILE',
        required: true,
        about: 'that gates are given',
      },
      version: { ...version, about: 'this set (default: all)' },
      json,
    },
    run: verify,
  },
  {
    name: 'parameters rollback',
    about: 'Publishes a set that holds what an older one held.',
    options: {
      data,
      'signing-key': signingKey,
      to: { type: 'string', value: 'N', required: true, about: 'number of the older set' },
      version,
      effective,
      keep: {
        type: 'string',
        value: 'KIND',
        multiple: true,
        about: `stays as it is: ${itemKinds.join(', ')}`,
      },
      json,
    },
    run: rollback,
  },
];

async function publish(args: Args, io: Io): Promise<number> {
  const listKey = args.text('list-key');
  const manyOrNone = (name: string) => (args.list(name).length > 0 ? args.list(name) : undefined);
  const sources = {
    fares: args.text('fares'),
    denylist: manyOrNone('denylist'),
    listKey: listKey === undefined ? undefined : await readPublicKey(listKey),
    profiles: manyOrNone('profile'),
    keyVersions: args.text('key-versions'),
    gateConfig: args.text('gate-config'),
    modes: manyOrNone('mode'),
  };
  const given = Object.fromEntries(Object.entries(sources).filter(([, of]) => of !== undefined));
  const dataDir = args.need('data');
  if (!(await isDataFolder(dataDir))) {
    throw new FaregateError('PARAMETERS_REFUSED', `${dataDir} is no engine's data folder`);
  }
  const base = args.text('base') === undefined ? null : wholeVersion(args, 'base');
  const gates = await gatesAsked(args);
  const manifest = await publishSet(await publishing(args, io), given as Sources, gates, base);
  tell(args, io, manifest, 'published');
  return 0;
}

async function rollback(args: Args, io: Io): Promise<number> {
  const keep = new Set(args.list('keep').map(kindNamed));
  args.need('to');
  const manifest = await rollBack(await publishing(args, io), wholeVersion(args, 'to'), keep);
  tell(args, io, manifest, `published; holds what set ${manifest.restores} held`);
  return 0;
}

async function show(args: Args, io: Io): Promise<number> {
  const manifests = await readAll(args, () => true);
  const inForce = inForceAt(manifests, Date.now());
  const stateOf = (set: Manifest): string => {
    if (set === inForce) return 'in force';
    if (set.effectiveMs > Date.now())
      return isSuperseded(set, manifests) ? 'superseded' : 'to come';
    return 'past';
  };
  if (args.flag('json')) {
    io.out(JSON.stringify(manifests.map((set) => ({ state: stateOf(set), ...set }))));
    return 0;
  }
  for (const set of manifests) {
    io.out(describe(set, set.gates.length === 0 ? stateOf(set) : 'for some gates'));
    if (args.text('version') !== undefined) for (const line of details(set)) io.out(line);
  }
  if (manifests.length === 0) io.out('no set is published');
  return 0;
}

async function verify(args: Args, io: Io): Promise<number> {
  const key = verifier(await readPublicKey(args.need('public-key')));
  const manifests = await readAll(args, key);
  for (const { items } of manifests) {
    for (const item of items) await checkItem(parametersDir(args.need('data')), item);
  }
  const versions = manifests.map((set) => set.version);
  if (args.flag('json')) io.out(JSON.stringify({ verified: versions }));
  else io.out(`${versions.length} sets are whole and signed: ${versions.join(', ')}`);
  return 0;
}

/** The set that --version names, or all of them. */
async function readAll(
  args: Args,
  check: (message: Uint8Array, signature: Uint8Array) => boolean,
): Promise<Manifest[]> {
  const dir = parametersDir(args.need('data'));
  const one = args.text('version') === undefined ? null : wholeVersion(args, 'version');
  const manifests: Manifest[] = [];
  for (const of of one === null ? await publishedVersions(dir) : [one]) {
    manifests.push((await readSet(dir, of, check)).manifest);
  }
  return manifests;
}

async function publishing(args: Args, io: Io): Promise<Publishing> {
  const nowMs = Date.now();
  const text = args.text('effective');
  const effectiveMs = text === undefined ? nowMs : parseInstant(text);
  if (Number.isNaN(effectiveMs)) {
    throw new FaregateError('USAGE', `--effective is no instant with a zone: ${text}`);
  }
  return {
    dir: parametersDir(args.need('data')),
    signingKey: await readSigningKey(args.need('signing-key'), io.env),
    version: args.text('version') === undefined ? null : wholeVersion(args, 'version'),
    effectiveMs,
    nowMs,
  };
}

/** Gates named, and those enrolled at the stations named. */
async function gatesAsked(args: Args): Promise<string[]> {
  const gates = args.list('gate');
  const stations = args.list('station');
  if (gates.length === 0 && stations.length === 0) return [];
  const enrolled = await readRegistry(args.need('data'));
  for (const id of gates) {
    if (enrolled.some((gate) => gate.id === id)) continue;
    throw new FaregateError('USAGE', `--gate ${id} is not enrolled`);
  }
  for (const name of stations) {
    const there = enrolled.filter((gate) => gate.station === name && gate.revoked === null);
    if (there.length === 0) throw new FaregateError('USAGE', `--station ${name} has no gate`);
    gates.push(...there.map((gate) => gate.id));
  }
  return gates;
}

function wholeVersion(args: Args, name: string): number {
  return args.whole(name, 0, 1, PARAMETERS_VERSION_MAX);
}

function kindNamed(name: string): ItemKind {
  const kind = itemKinds.find((one) => one === name);
  if (kind) return kind;
  throw new FaregateError('USAGE', `--keep takes ${itemKinds.join(', ')}, not ${name}`);
}

function tell(args: Args, io: Io, manifest: Manifest, what: string): void {
  if (args.flag('json')) {
    io.out(JSON.stringify(manifest));
    return;
  }
  io.out(describe(manifest, what));
  for (const line of details(manifest)) io.out(line);
}

function describe({ version: of, effectiveMs, restores, gates }: Manifest, state: string): string {
  const whose = gates.length === 0 ? 'all gates' : `${gates.length} gates`;
  const back = restores === null ? '' : `  restores ${restores}`;
  return `set ${of}  ${state}  from ${formatInstant(effectiveMs)}  ${whose}${back}`;
}

function details({ gates, items }: Manifest): string[] {
  const lines = items.map(({ kind, name, version: of, bytes, sha256 }) => {
    return `  ${kind.padEnd(13)}  ${name}  version ${of}  ${bytes} bytes  ${sha256.slice(0, 16)}`;
  });
  return gates.length === 0 ? lines : [...lines, `  gates: ${gates.join(' ')}`];
}

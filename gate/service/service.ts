/**
 * A station as a service: opens everything its configuration names, checks it, and serves cards
 * until it is told to stop. The order is that of a cold morning: what can be wrong is looked at
 * before the first file is written, and readers are opened last.
 */
import type { KeyObject } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fromHex } from '../../engine/bytes.ts';
import type { CompiledDesfireProfile } from '../../engine/card/desfire/compile.ts';
import { type CompiledProfile, compileProfile } from '../../engine/card/purse/compile.ts';
import type { KeySet } from '../../engine/crypto/key-set.ts';
import { Keyring } from '../../engine/crypto/keyring.ts';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { Denylist } from '../../engine/denylist/denylist.ts';
import { SAM_WAIT_MS_MAX } from '../../engine/durations.ts';
import { FaregateError, systemCode, systemText } from '../../engine/errors.ts';
import type { FareVersions } from '../../engine/fare/book.ts';
import type { Log } from '../../engine/log/log.ts';
import { readPublicKey } from '../../engine/operator/denylist-files.ts';
import { openDesfireProfile } from '../../engine/operator/desfire-files.ts';
import { openFares } from '../../engine/operator/fare-files.ts';
import { loadKeyFile } from '../../engine/operator/key-files.ts';
import { openProfile } from '../../engine/operator/profile-files.ts';
import { modeText, NORMAL } from '../../engine/tap/modes.ts';
import { Zone } from '../../engine/time.ts';
import { LineBarrier } from '../barrier/lines.ts';
import { systemClock } from '../clock.ts';
import { DenylistStore } from '../denylist/denylist-store.ts';
import { ModesInForce, type ModesKept } from '../modes.ts';
import { ModesFile } from '../modes-file.ts';
import { openReader } from '../reader/open.ts';
import { type CardSession, noticeText, type Reader } from '../reader/reader.ts';
import { Psam, T_UNION_PSAM_AID } from '../sam/psam.ts';
import { Station } from '../station.ts';
import { gateAesKeyring } from '../station-desfire.ts';
import { warmUp } from '../warm-up.ts';
import { openBank, requireOwnMoney } from './bank.ts';
import type { GateConfig, SamConfig, ServiceConfig } from './config.ts';
import { ServiceParameters } from './parameters.ts';
import type { Loaded } from './self-test.ts';
import { sharedLogDirOf } from './shared-log.ts';

/** What the service reads before it opens anything. */
export interface ServiceFiles extends Loaded {
  readonly fares: FareVersions;
  readonly cardHash: Uint8Array;
  /** That the operator signs denylists with; null where the configuration has none. */
  readonly denylistKey: KeyObject | null;
  /** That the operator signs parameter sets with; likewise. */
  readonly parametersKey: KeyObject | null;
}

/**
 * @param source the configuration's file
 * @throws FaregateError naming the file that is missing, damaged or refused.
 */
export async function loadFiles(
  config: ServiceConfig,
  env: Readonly<Record<string, string | undefined>>,
  source: string,
): Promise<ServiceFiles> {
  const keySet = await loadKeys(config, env);
  const profiles: CompiledProfile[] = [];
  for (const name of config.profiles) profiles.push(compileProfile(await openProfile(name)));
  const desfire: CompiledDesfireProfile[] = [];
  for (const name of config.desfireProfiles ?? []) desfire.push(await openDesfireProfile(name));
  const fares = await openFares(config.fares);
  const bank = config.bank ? await openBank(config.bank) : null;
  if (bank) requireOwnMoney(bank, fares, source, '/bank/currency');
  return {
    keyring: new Keyring(keySet.keys),
    aesKeyring: gateAesKeyring(keySet),
    desfire,
    cardHash: keySet.cardHash,
    fares,
    profiles,
    denylistKey: config.denylist ? await readPublicKey(config.denylist.publicKey) : null,
    parametersKey: config.parameters ? await readPublicKey(config.parameters.publicKey) : null,
    bank,
  };
}

function loadKeys(
  { keys: { file, passphraseFile } }: ServiceConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<KeySet> {
  return loadKeyFile(file, { env, ...(passphraseFile ? { passphraseFile } : {}) });
}

/**
 * Reads the key file again and puts its purchase keys in force at every gate, each from its next
 * tap on. @throws FaregateError as `loadFiles`, with the keys before still in force.
 */
export async function reloadKeys(
  { station, parameters }: OpenedStation,
  config: ServiceConfig,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const keySet = await loadKeys(config, env);
  const { keys, aes } = keySet;
  if (!keys.some(({ use }) => use === 'purchase') && !aes.some(({ use }) => use === 'debit')) {
    throw new FaregateError('KEYS_INVALID', `${config.keys.file}: it has no purchase key`);
  }
  station.desfire.cards.replace(gateAesKeyring(keySet));
  await parameters.replaceKeyring(new Keyring(keys));
}

export interface ServiceOptions {
  readonly config: ServiceConfig;
  readonly files: ServiceFiles;
  readonly log: Log;
  /** Takes the barrier's lines. */
  readonly write: (line: string) => void;
  /** Dry taps before the first card. */
  readonly warmUpTaps: number;
}

export interface OpenedStation {
  readonly station: Station;
  readonly parameters: ServiceParameters;
}

/**
 * Opens parameters, journals, SAMs and readers of all gates.
 * @throws FaregateError naming the gate's part that could not be opened; nothing stays open then.
 */
export async function openStation(options: ServiceOptions): Promise<OpenedStation> {
  const { config, files, log } = options;
  const zone = new Zone(config.zone);
  const takesDesfire = files.desfire.length > 0;
  await warmUp(options.warmUpTaps, files.fares, zone, Date.now(), takesDesfire);
  const parameters = await openParameters(options, zone);
  const modes = await openModes(options, parameters);
  const sharedLogDir = sharedLogDirOf(config);
  const station = new Station({
    modes,
    engine: config.engine,
    keyring: parameters.keyring,
    aesKeyring: options.files.aesKeyring,
    log,
    parameters,
    uplinks: config.uplinks ?? 'thread',
    ...(sharedLogDir === null ? {} : { sharedLogDir }),
    ...(config.journalSegments ? { journalSegments: config.journalSegments } : {}),
  });
  parameters.onKeyring = (keyring) => station.keys.replace(keyring);
  parameters.onMode = (mask) => station.modes.set(mask);
  try {
    for (const gate of config.gates) await addGate(station, options, parameters, gate);
    parameters.start();
  } catch (error) {
    await station.stop();
    await parameters.end();
    throw error;
  }
  return { station, parameters };
}

async function openParameters(options: ServiceOptions, zone: Zone): Promise<ServiceParameters> {
  const { config, files, log } = options;
  const { fares, profiles, keyring, parametersKey, denylistKey } = files;
  const { city, institution } = config;
  const publicKey = denylistKey ?? parametersKey;
  return ServiceParameters.open({
    sets:
      config.parameters && parametersKey
        ? { folder: config.parameters.folder, publicKey: parametersKey }
        : null,
    own: {
      parametersVersion: 0,
      effectiveMs: 0,
      fares,
      profiles,
      denylist: await openDenylist(options),
      keyVersions: null,
      settings: { city, institution },
      mode: null,
    },
    others: {
      ...(files.desfire.length > 0 ? { desfire: { profiles: files.desfire } } : {}),
      ...(files.bank ? { bank: files.bank } : {}),
      ...(config.families ? { families: config.families } : {}),
    },
    gates: config.gates,
    zone,
    keyring,
    listKeys: publicKey
      ? { hashKey: cmacKey(files.cardHash), publicKey, form: config.denylist?.form ?? 'fast' }
      : null,
    nowMs: Date.now,
    log,
  });
}

/** A damaged file must not keep a station closed: it is normal then, and the log says why. */
async function openModes(
  { config, log }: ServiceOptions,
  parameters: ServiceParameters,
): Promise<ModesInForce> {
  const asSet = parameters.mode;
  if (!config.control) {
    const modes = new ModesInForce(systemClock, null, null);
    if (asSet) await modes.set(asSet.mask);
    return modes;
  }
  const { folder } = config.control;
  const file = new ModesFile(join(folder, 'modes.json'));
  let kept: ModesKept | null = null;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    kept = await file.read();
  } catch (error) {
    // What is wrong with the folder, a change of modes will say again.
    if (!(error instanceof FaregateError) && !systemCode(error)) throw error;
    const code = error instanceof FaregateError ? error.code : systemCode(error);
    log.error({ code }, `the modes were passed over: ${systemText(error)}`);
  }
  const modes = new ModesInForce(systemClock, kept, file);
  // What was said last counts: the set by its instant, or somebody here after it.
  if (asSet && (kept === null || kept.sinceMs < asSet.fromMs)) await modes.set(asSet.mask);
  if (modes.mode !== NORMAL) log.warn({ mode: modeText(modes.mode) }, 'mode kept');
  return modes;
}

/** The list in force in the station's folder, or one that stops nobody. */
async function openDenylist({ config, files, log }: ServiceOptions): Promise<Denylist> {
  const hashKey = cmacKey(files.cardHash);
  if (!config.denylist || !files.denylistKey) return Denylist.build(hashKey, []);
  const { folder, form = 'fast' } = config.denylist;
  const publicKey = files.denylistKey;
  const store = await DenylistStore.open({ dir: folder, hashKey, publicKey, form });
  for (const fault of store.faults) log.warn({ fault }, 'a denylist was passed over');
  log.info({ ...store.inForce }, 'the denylist in force');
  return store.denylist;
}

async function addGate(
  station: Station,
  { write, log }: ServiceOptions,
  parameters: ServiceParameters,
  gate: GateConfig,
): Promise<void> {
  await mkdir(gate.journal, { recursive: true, mode: 0o700 });
  const opened: Reader[] = [];
  const { kernelCertificate } = gate;
  const open = async (link: string, takesKernel: boolean): Promise<Reader> => {
    const reader = await openReader(link, {
      takesKernel,
      ...(kernelCertificate === undefined ? {} : { kernelCertificate }),
      onNotice: (notice) => log.warn({ gate: gate.id, ...notice }, noticeText(notice)),
    });
    opened.push(reader);
    return reader;
  };
  try {
    const slot = gate.sam ? await open(gate.sam.link, false) : null;
    const keys = gate.sam && slot ? await openSam(gate.sam, slot) : null;
    const reader = await open(gate.reader, true);
    await station.add({
      gateId: gate.id,
      station: parameters.stationNameOf(gate),
      reader,
      bundleDir: gate.bundle,
      journalDir: gate.journal,
      ...(slot && keys ? { slot, keys } : {}),
      barrier: new LineBarrier(gate.id, write),
      setting: () => parameters.settingOf(gate.id),
    });
  } catch (error) {
    // Whatever stays open keeps the process from ending.
    for (const reader of opened) await reader.close();
    throw error;
  }
}

async function openSam({ link, aid, terminalIdSfi }: SamConfig, slot: Reader): Promise<Psam> {
  return Psam.open(await samIn(slot, link), {
    name: link,
    aid: aid ? fromHex(aid) : T_UNION_PSAM_AID,
    terminalIdSfi: terminalIdSfi ?? null,
  });
}

/** The card that stands in a slot: it does not come and go. */
async function samIn(slot: Reader, link: string): Promise<CardSession> {
  const late = new FaregateError('SAM_FAILED', `SAM in ${link}: no answer: is it in its slot?`);
  let timer: NodeJS.Timeout | undefined;
  const waited = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late), SAM_WAIT_MS_MAX);
  });
  try {
    const first = slot.cards()[Symbol.asyncIterator]().next();
    const { value } = await Promise.race([first, waited]);
    if (!value) throw late;
    return value as CardSession;
  } finally {
    clearTimeout(timer);
  }
}

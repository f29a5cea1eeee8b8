/**
 * What `faregate-gate run` makes sure of before the first rider, and `run --check` tells: each
 * check says what it looked at and what is wrong, so that a technician does not have to guess.
 */
import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toHex } from '../../engine/bytes.ts';
import type { CompiledDesfireProfile } from '../../engine/card/desfire/compile.ts';
import type { CompiledProfile } from '../../engine/card/purse/compile.ts';
import type { CompiledExtendedProfile } from '../../engine/card/qpboc/extended/profile.ts';
import type { AesKeyring } from '../../engine/crypto/aes-keyring.ts';
import type { Keyring } from '../../engine/crypto/keyring.ts';
import { FaregateError } from '../../engine/errors.ts';
import type { FareBook } from '../../engine/fare/fares.ts';
import { JOURNAL_SEGMENT_BYTES, JOURNAL_SEGMENTS_MAX } from '../../engine/limits.ts';
import { certificateFacts } from '../../engine/pki/certificates.ts';
import { isReaderLink } from '../reader/open.ts';
import type { PlannedBank } from '../station-bank.ts';
import { readBundle } from '../uplink/tls.ts';
import type { GateConfig, ServiceConfig } from './config.ts';

export interface Check {
  readonly what: string;
  /** `failed` keeps the gate closed; `warning` is for the next visit. */
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
}

/** faregate did not exist before: a clock that says so has lost its battery. */
const CLOCK_MIN_MS = Date.UTC(2026, 0, 1);
const CERTIFICATE_WARNING_MS = 60 * 86_400_000;

export interface Loaded {
  readonly keyring: Keyring;
  readonly fares: FareBook;
  readonly profiles: readonly CompiledProfile[];
  /** AES closed-loop cards: their profiles and keys. */
  readonly desfire: readonly CompiledDesfireProfile[];
  readonly aesKeyring: AesKeyring;
  /** Null where the configuration takes no bank cards. */
  readonly bank: PlannedBank | null;
}

/** Checks everything that can be seen without a card. Never throws for what it finds. */
export async function selfTest(
  config: ServiceConfig,
  loaded: Loaded,
  nowMs: number,
): Promise<Check[]> {
  const checks = [checkClock(nowMs), checkFares(loaded.fares, nowMs)];
  for (const profile of loaded.profiles) checks.push(checkKey(profile, loaded.keyring, config));
  for (const profile of loaded.desfire) checks.push(checkAesKey(profile, loaded.aesKeyring));
  const extended = loaded.bank?.extendedProfile;
  if (extended) checks.push(checkRecordKey(extended, loaded.keyring));
  for (const gate of config.gates) {
    checks.push(checkStation(gate, loaded.fares, nowMs));
    checks.push(checkReader(gate));
    checks.push(await checkCertificate(gate, nowMs));
    checks.push(await checkDisk(gate, config));
  }
  return checks;
}

function checkClock(nowMs: number): Check {
  const what = 'clock';
  const now = new Date(nowMs).toISOString();
  if (nowMs >= CLOCK_MIN_MS) return { what, state: 'ok', detail: now };
  return { what, state: 'failed', detail: `it says ${now}: set it, or replace its battery` };
}

function checkFares(fares: FareBook, nowMs: number): Check {
  const inForce = fares.at(nowMs);
  if (inForce) return { what: 'fares', state: 'ok', detail: `version ${inForce.version}` };
  return { what: 'fares', state: 'failed', detail: 'no version is in force now' };
}

/** With a SAM at every gate the keys are there, and no ring has to hold them. */
function checkKey(profile: CompiledProfile, keyring: Keyring, config: ServiceConfig): Check {
  const what = `purchase key of ${profile.name}`;
  const { keyIndex, keyVersion, keyAlgorithm } = profile;
  const detail = `index ${keyIndex}, version ${keyVersion}`;
  if (config.gates.every((gate) => gate.sam)) return { what, state: 'ok', detail: 'in the SAM' };
  if (keyring.findCommon('purchase', keyIndex, keyVersion, keyAlgorithm)) {
    return { what, state: 'ok', detail };
  }
  const issuers = keyring.issuersOf('purchase', keyIndex, keyVersion, keyAlgorithm);
  if (issuers.length > 0) {
    const which = issuers.map(toHex).join(', ');
    return { what, state: 'ok', detail: `${detail}, for cards of ${which} alone` };
  }
  return { what, state: 'warning', detail: `${detail} is not in the key file` };
}

function checkAesKey(profile: CompiledDesfireProfile, keyring: AesKeyring): Check {
  const { settings, application } = profile;
  const what = `debit key of ${settings.name}`;
  const { version } = settings.keys.debit;
  const name = { version, application, input: null, padTo32: true };
  const held = keyring.cardKey({ use: 'debit', ...name });
  if (held) return { what, state: 'ok', detail: `version ${version}` };
  return { what, state: 'warning', detail: `version ${version} is not in the key file` };
}

function checkRecordKey({ settings }: CompiledExtendedProfile, keyring: Keyring): Check {
  const what = `record key of ${settings.name}`;
  const { index, version } = settings.key;
  const detail = `index ${index}, version ${version}`;
  if (keyring.findCommon('capp', index, version, 0)) return { what, state: 'ok', detail };
  return { what, state: 'warning', detail: `${detail} is not in the key file` };
}

function checkStation(gate: GateConfig, fares: FareBook, nowMs: number): Check {
  const what = `${gate.id}: station`;
  const inForce = fares.at(nowMs);
  const index = inForce?.stationById(gate.station) ?? -1;
  if (inForce && index >= 0) return { what, state: 'ok', detail: inForce.stations[index]!.name };
  return { what, state: 'failed', detail: `the fares have no station ${gate.station}` };
}

/** Only the form: the reader itself is looked for when the gate opens. */
function checkReader({ id, reader }: GateConfig): Check {
  const what = `${id}: reader`;
  if (isReaderLink(reader)) return { what, state: 'ok', detail: reader };
  const detail = `${reader} is no reader link; docs/readers.md lists them`;
  return { what, state: 'failed', detail };
}

async function checkCertificate(gate: GateConfig, nowMs: number): Promise<Check> {
  const what = `${gate.id}: certificate`;
  try {
    const { certificate } = await readBundle(gate.bundle);
    const { commonName, notAfterMs } = certificateFacts(certificate, gate.bundle);
    if (commonName !== gate.id) {
      return { what, state: 'failed', detail: `it is that of gate ${commonName}` };
    }
    const until = new Date(notAfterMs).toISOString().slice(0, 10);
    // A gate whose certificate has run out goes on taking debits; it cannot upload them.
    if (notAfterMs <= nowMs) return { what, state: 'warning', detail: `it ran out on ${until}` };
    const soon = notAfterMs - nowMs < CERTIFICATE_WARNING_MS;
    return { what, state: soon ? 'warning' : 'ok', detail: `until ${until}` };
  } catch (error) {
    if (!(error instanceof FaregateError)) throw error;
    return { what, state: 'failed', detail: error.message };
  }
}

/** The journal takes its space piece by piece: a disk that fills closes the gate. */
async function checkDisk(gate: GateConfig, config: ServiceConfig): Promise<Check> {
  const what = `${gate.id}: disk`;
  const wanted = (config.journalSegments ?? JOURNAL_SEGMENTS_MAX) * JOURNAL_SEGMENT_BYTES;
  for (const folder of [gate.journal, dirname(gate.journal)]) {
    try {
      const { bavail, bsize } = await statfs(folder);
      const free = bavail * bsize;
      const detail = `${megabytes(free)} free, a full journal takes ${megabytes(wanted)}`;
      return { what, state: free < wanted ? 'warning' : 'ok', detail };
    } catch {
      // The journal's folder is made at the first start.
    }
  }
  const detail = `there is no folder ${dirname(gate.journal)}: make it`;
  return { what, state: 'failed', detail };
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)} MiB`;
}

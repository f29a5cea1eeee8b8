/**
 * Enrolment of gates: the operator's certificate authority, the bundle each gate is given once, and
 * the registry of who may upload. Everything lies in the engine's data directory:
 *
 *     pki/ca.crt, pki/ca.key, pki/server.crt, pki/server.key     made on first use
 *     gates.json                                                 one entry for each gate
 */
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { toHex } from '../bytes.ts';
import { GATE_ID_PATTERN } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';
import { CSR_BYTES_MAX, GATES_MAX, WIRE_TEXT_LENGTH_MAX } from '../limits.ts';
import {
  certificateFacts,
  createAuthority,
  type Identity,
  issueGate,
  issueServer,
  signRequest,
} from '../pki/certificates.ts';
import { locked, readIfPresent, readText, writeWhole } from '../pki/files.ts';
import { type EnrolledGate, gatesFile, readRegistry, writeRegistry } from './registry.ts';

const RENEW_MS = 60 * 86_400_000;

/** What the engine's TLS server needs, all PEM. */
export interface ServerPki {
  readonly authority: Identity;
  readonly server: Identity;
}

export interface EnrolOptions {
  readonly gateId: string;
  /** Of a replacement, the former one where absent. */
  readonly station?: string;
  /** Where the gate's files go; made if missing. */
  readonly outDir: string;
  /** A signing request to sign; the gate then keeps its key, and makes its journal key itself. */
  readonly requestFile?: string;
  /** Revoke the gate's former certificate and issue anew. */
  readonly replace?: boolean;
  readonly nowMs?: number;
}

/**
 * The authority and a server certificate that covers `names` (besides localhost) and does not run
 * out within two months; whichever is missing is made and stored.
 * @throws FaregateError FILE_UNREADABLE, CONFIG_INVALID (one half of a pair is missing).
 */
export async function ensurePki(
  dataDir: string,
  names: readonly string[] = [],
  nowMs: number = Date.now(),
): Promise<ServerPki> {
  const dir = join(dataDir, 'pki');
  await mkdir(dir, { recursive: true });
  return locked(join(dir, 'lock'), async () => {
    const authority =
      (await readIdentity(dir, 'ca')) ??
      (await storeIdentity(dir, 'ca', await createAuthority('faregate operator', nowMs)));
    const present = await readIdentity(dir, 'server');
    if (present && covers(present, names, nowMs, dir)) return { authority, server: present };
    const server = await issueServer(authority, names, nowMs);
    return { authority, server: await storeIdentity(dir, 'server', server) };
  });
}

/**
 * Enrols a gate: writes `gate.crt`, `ca.crt` and, unless the gate sent a request, `gate.key` and
 * `journal.key` (32 random bytes, hexadecimal) to `outDir`, then enters it in the registry. A
 * replacement leaves `journal.key` alone: the gate's journal is sealed under the one it has.
 * @throws FaregateError ENROLMENT_REFUSED: already enrolled, bad id or request, files in the way.
 */
export async function enrolGate(dataDir: string, options: EnrolOptions): Promise<EnrolledGate> {
  checkNames(options.gateId, options.station ?? '');
  const nowMs = options.nowMs ?? Date.now();
  const { authority } = await ensurePki(dataDir, [], nowMs);
  return locked(`${gatesFile(dataDir)}.lock`, async () => {
    const gates = await readRegistry(dataDir);
    const former = gates.find((gate) => gate.id === options.gateId);
    if (former && !options.replace) {
      const since = former.revoked ? `was revoked at ${former.revoked}` : 'is enrolled';
      throw refused(`gate ${former.id} ${since}; --replace issues a new certificate`);
    }
    if (!former && gates.length >= GATES_MAX) throw refused(`there are ${GATES_MAX} gates already`);
    const certificate = await writeBundle(authority, options, nowMs);
    const facts = certificateFacts(certificate, 'the certificate just issued');
    const gate: EnrolledGate = {
      id: options.gateId,
      station: options.station ?? former?.station ?? '',
      serial: facts.serial,
      fingerprint: facts.fingerprint,
      enrolledAt: new Date(nowMs).toISOString(),
      revoked: null,
    };
    await writeRegistry(dataDir, [...gates.filter((other) => other.id !== gate.id), gate]);
    return gate;
  });
}

/**
 * Ends a gate's right to upload; a running engine sees it with the gate's next batch.
 * @throws FaregateError ENROLMENT_REFUSED when there is no such gate or it is revoked already.
 */
export async function revokeGate(
  dataDir: string,
  gateId: string,
  nowMs: number = Date.now(),
): Promise<EnrolledGate> {
  return locked(`${gatesFile(dataDir)}.lock`, async () => {
    const gates = await readRegistry(dataDir);
    const former = gates.find((gate) => gate.id === gateId);
    if (!former) throw refused(`no gate ${JSON.stringify(gateId)} is enrolled`);
    if (former.revoked) throw refused(`gate ${gateId} was revoked at ${former.revoked}`);
    const gate = { ...former, revoked: new Date(nowMs).toISOString() };
    await writeRegistry(
      dataDir,
      gates.map((other) => (other.id === gateId ? gate : other)),
    );
    return gate;
  });
}

function checkNames(gateId: string, station: string): void {
  if (!GATE_ID_PATTERN.test(gateId)) {
    throw refused(
      `${JSON.stringify(gateId)} is no gate id: 1 to 12 letters, digits, dots, dashes, underscores`,
    );
  }
  if (station.length > WIRE_TEXT_LENGTH_MAX) {
    throw refused(`the station's name has more than ${WIRE_TEXT_LENGTH_MAX} characters`);
  }
}

async function writeBundle(
  authority: Identity,
  options: EnrolOptions,
  nowMs: number,
): Promise<string> {
  const { gateId, outDir, requestFile } = options;
  const file = (name: string): string => join(outDir, name);
  await mkdir(outDir, { recursive: true });
  const inTheWay = await readIfPresent(file('gate.crt'));
  if (inTheWay !== null) {
    const name = certificateFacts(inTheWay, file('gate.crt')).commonName;
    if (name !== gateId) throw refused(`${outDir} holds the files of gate ${name}`);
  }
  let certificate: string;
  if (requestFile === undefined) {
    const identity = await issueGate(authority, gateId, nowMs);
    certificate = identity.certificate;
    await writeWhole(file('gate.key'), [identity.key], 0o600);
    if (!options.replace && (await readIfPresent(file('journal.key'))) === null) {
      await writeWhole(file('journal.key'), [`${toHex(randomBytes(32))}\n`], 0o600);
    }
  } else {
    const request = await readText(requestFile, CSR_BYTES_MAX);
    certificate = await signRequest(authority, gateId, request, requestFile, nowMs);
  }
  await writeWhole(file('gate.crt'), [certificate], 0o644);
  await writeWhole(file('ca.crt'), [authority.certificate], 0o644);
  return certificate;
}

function covers(server: Identity, names: readonly string[], nowMs: number, dir: string): boolean {
  const facts = certificateFacts(server.certificate, join(dir, 'server.crt'));
  return facts.notAfterMs - nowMs > RENEW_MS && names.every((name) => facts.names.includes(name));
}

async function readIdentity(dir: string, name: string): Promise<Identity | null> {
  const certificate = await readIfPresent(join(dir, `${name}.crt`));
  const key = await readIfPresent(join(dir, `${name}.key`));
  if (certificate !== null && key !== null) return { certificate, key };
  // The certificate is written last: a key alone was left by a crash and has signed nothing.
  if (certificate === null) return null;
  throw new FaregateError(
    'CONFIG_INVALID',
    `${join(dir, name)}.crt has no key beside it; restore ${name}.key from a backup`,
  );
}

async function storeIdentity(dir: string, name: string, identity: Identity): Promise<Identity> {
  await writeWhole(join(dir, `${name}.key`), [identity.key], 0o600);
  await writeWhole(join(dir, `${name}.crt`), [identity.certificate], 0o644);
  return identity;
}

function refused(message: string): FaregateError {
  return new FaregateError('ENROLMENT_REFUSED', message);
}

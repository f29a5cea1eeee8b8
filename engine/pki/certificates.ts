/**
 * The operator's certificates (RFC 5280), all ECDSA on P-256: one authority, the engine's server
 * certificate, and a client certificate for each gate. The one importer of @peculiar/x509.
 */
import './reflect.ts';
import { createHash, randomBytes, type webcrypto as types, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { toHex } from '../bytes.ts';
import { GATE_ID_PATTERN } from '../debit/record.ts';
import { FaregateError } from '../errors.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** Gates' clocks drift: a certificate made now must hold for a gate that is a day behind. */
const BEFORE_MS = DAY_MS;
const AUTHORITY_DAYS: number = 20 * 365;
const SERVER_DAYS: number = 2 * 365;
export const GATE_DAYS: number = 5 * 365;

/** A certificate and the key that belongs to it, both PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** What is remembered of a certificate. */
export interface CertificateFacts {
  /** Hexadecimal, upper case. */
  readonly serial: string;
  /** SHA-256 of the DER form; 64 hexadecimal digits, upper case. */
  readonly fingerprint: string;
  readonly commonName: string;
  readonly notAfterMs: number;
  /** DNS names and addresses of the subject's alternative names. */
  readonly names: readonly string[];
}

/** Makes the operator's authority, which signs everything else. */
export async function createAuthority(name: string, nowMs: number): Promise<Identity> {
  const keys = await generateKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    keys,
    name: [{ CN: [name] }],
    serialNumber: newSerial(),
    ...validity(nowMs, AUTHORITY_DAYS),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: await exportKey(keys.privateKey) };
}

/** The engine's certificate for `localhost`, 127.0.0.1, ::1 and the further `names`. */
export async function issueServer(
  authority: Identity,
  names: readonly string[],
  nowMs: number,
): Promise<Identity> {
  const all = new Set(['localhost', '127.0.0.1', '::1', ...names]);
  const keys = await generateKeys();
  const certificate = await issue(authority, {
    commonName: 'faregate-engine',
    publicKey: keys.publicKey,
    names: [...all].map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value })),
    usage: x509.ExtendedKeyUsage.serverAuth,
    nowMs,
    days: SERVER_DAYS,
  });
  return { certificate, key: await exportKey(keys.privateKey) };
}

/** A gate's client certificate, CN and URN both naming it, with a key made here. */
export async function issueGate(
  authority: Identity,
  gateId: string,
  nowMs: number,
): Promise<Identity> {
  const keys = await generateKeys();
  const certificate = await issueGateFor(authority, gateId, keys.publicKey, nowMs);
  return { certificate, key: await exportKey(keys.privateKey) };
}

/** A signing request (PKCS #10) and its key: for a gate that keeps its key to itself. */
export async function createRequest(
  gateId: string,
): Promise<{ readonly request: string; readonly key: string }> {
  const keys = await generateKeys();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [gateId] }],
    keys,
    signingAlgorithm: algorithm,
  });
  return { request: `${request.toString('pem')}\n`, key: await exportKey(keys.privateKey) };
}

/**
 * Signs a gate's request; returns the certificate.
 * @throws FaregateError ENROLMENT_REFUSED: not a request, its signature does not hold, a key that
 *   is not on P-256, or another gate's name in it. `what` names its file.
 */
export async function signRequest(
  authority: Identity,
  gateId: string,
  request: string,
  what: string,
  nowMs: number,
): Promise<string> {
  const refuse = (why: string, cause?: unknown): FaregateError =>
    new FaregateError('ENROLMENT_REFUSED', `${what}: ${why}`, { cause });
  let parsed: x509.Pkcs10CertificateRequest;
  let held: boolean;
  try {
    parsed = new x509.Pkcs10CertificateRequest(request);
    held = await parsed.verify();
  } catch (cause) {
    throw refuse('not a certificate signing request', cause);
  }
  if (!held) throw refuse('the signature of the request does not hold');
  const key = parsed.publicKey.algorithm as { name: string; namedCurve?: string };
  if (key.name !== 'ECDSA' || key.namedCurve !== 'P-256') throw refuse('the key is not on P-256');
  const names = parsed.subjectName.getField('CN');
  if (names.length !== 1 || names[0] !== gateId) {
    throw refuse(`the request is for ${JSON.stringify(names.join(','))}, not gate ${gateId}`);
  }
  return issueGateFor(authority, gateId, parsed.publicKey, nowMs);
}

/** @throws FaregateError FILE_UNREADABLE when `certificate` is none; `what` names its file. */
export function certificateFacts(certificate: string, what: string): CertificateFacts {
  try {
    const parsed = new x509.X509Certificate(certificate);
    const names = parsed.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
    return {
      serial: parsed.serialNumber.toUpperCase(),
      fingerprint: fingerprintOf(new Uint8Array(parsed.rawData)),
      commonName: parsed.subjectName.getField('CN')[0] ?? '',
      notAfterMs: parsed.notAfter.getTime(),
      names: names.filter((name) => name.type !== 'url').map((name) => name.value),
    };
  } catch (cause) {
    throw new FaregateError('FILE_UNREADABLE', `${what}: not a certificate`, { cause });
  }
}

/** SHA-256 of a certificate's DER bytes, as `CertificateFacts` has it. */
export function fingerprintOf(der: Uint8Array): string {
  return toHex(createHash('sha256').update(der).digest());
}

function issueGateFor(
  authority: Identity,
  gateId: string,
  publicKey: x509.PublicKeyType,
  nowMs: number,
): Promise<string> {
  if (!GATE_ID_PATTERN.test(gateId)) {
    throw new FaregateError(
      'ENROLMENT_REFUSED',
      `${JSON.stringify(gateId)} is no gate id: 1 to 12 letters, digits, dots, dashes, underscores`,
    );
  }
  return issue(authority, {
    commonName: gateId,
    publicKey,
    names: [{ type: 'url', value: `urn:faregate:gate:${gateId}` }],
    usage: x509.ExtendedKeyUsage.clientAuth,
    nowMs,
    days: GATE_DAYS,
  });
}

interface Wanted {
  readonly commonName: string;
  readonly publicKey: x509.PublicKeyType;
  readonly names: x509.JsonGeneralNames;
  readonly usage: x509.ExtendedKeyUsage;
  readonly nowMs: number;
  readonly days: number;
}

async function issue(authority: Identity, wanted: Wanted): Promise<string> {
  const signer = new x509.X509Certificate(authority.certificate);
  const certificate = await x509.X509CertificateGenerator.create({
    issuer: signer.subjectName,
    subject: [{ CN: [wanted.commonName] }],
    publicKey: wanted.publicKey,
    signingKey: await importKey(authority.key),
    serialNumber: newSerial(),
    ...validity(wanted.nowMs, wanted.days),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([wanted.usage]),
      new x509.SubjectAlternativeNameExtension(wanted.names),
      await x509.SubjectKeyIdentifierExtension.create(wanted.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(signer.publicKey),
    ],
  });
  return pem(certificate);
}

/** Sixteen random bytes, the first 01 to 7F: positive, no leading zero (RFC 5280 4.1.2.2). */
function newSerial(): string {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 1;
  return toHex(serial);
}

/** Whole seconds, as a certificate holds them. */
function validity(nowMs: number, days: number): { notBefore: Date; notAfter: Date } {
  const seconds = Math.floor(nowMs / 1000) * 1000;
  return { notBefore: new Date(seconds - BEFORE_MS), notAfter: new Date(seconds + days * DAY_MS) };
}

async function generateKeys(): Promise<types.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, [
    'sign',
    'verify',
  ])) as types.CryptoKeyPair;
}

async function exportKey(key: types.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`;
}

function importKey(key: string): Promise<types.CryptoKey> {
  const der = x509.PemConverter.decodeFirst(key);
  return webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
}

function pem(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}

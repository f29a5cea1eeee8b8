/** Certificates, checked by node's own X.509 reader and not by the library that made them. */
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { FaregateError } from '../../engine/errors.ts';
import {
  certificateFacts,
  createAuthority,
  createRequest,
  fingerprintOf,
  GATE_DAYS,
  issueGate,
  issueServer,
  signRequest,
} from '../../engine/pki/certificates.ts';

const nowMs = Date.UTC(2026, 8, 21, 12, 0, 0);
const DAY_MS = 86_400_000;

test('an authority signs for servers and gates, each for its own use', async () => {
  const authority = await createAuthority('test operator', nowMs);
  const ca = new X509Certificate(authority.certificate);
  assert.ok(ca.ca && ca.verify(ca.publicKey) && ca.subject === 'CN=test operator');

  const server = await issueServer(authority, ['engine.example', '10.1.2.3'], nowMs);
  const serverCert = new X509Certificate(server.certificate);
  assert.ok(serverCert.checkIssued(ca) && serverCert.verify(ca.publicKey) && !serverCert.ca);
  assert.deepEqual(serverCert.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  for (const name of ['localhost', 'engine.example']) assert.ok(serverCert.checkHost(name));
  for (const address of ['127.0.0.1', '::1', '10.1.2.3']) assert.ok(serverCert.checkIP(address));
  assert.equal(serverCert.checkHost('other.example'), undefined);

  const gate = await issueGate(authority, 'G01', nowMs);
  const gateCert = new X509Certificate(gate.certificate);
  assert.ok(gateCert.checkIssued(ca) && gateCert.verify(ca.publicKey));
  assert.ok(gateCert.checkPrivateKey(createPrivateKey(gate.key)));
  assert.deepEqual(gateCert.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  assert.equal(gateCert.subject, 'CN=G01');
  assert.equal(gateCert.subjectAltName, 'URI:urn:faregate:gate:G01');
  assert.equal(Date.parse(gateCert.validFrom), nowMs - DAY_MS);
  assert.equal(Date.parse(gateCert.validTo), nowMs + GATE_DAYS * DAY_MS);
});

test('facts agree with node, and serials differ', async () => {
  const authority = await createAuthority('test operator', nowMs);
  const serials = new Set<string>();
  for (let i = 0; i < 5; i++) {
    const { certificate } = await issueGate(authority, 'G01', nowMs);
    const facts = certificateFacts(certificate, 'gate.crt');
    const node = new X509Certificate(certificate);
    assert.equal(facts.serial, node.serialNumber);
    assert.equal(facts.fingerprint, node.fingerprint256.replaceAll(':', ''));
    assert.equal(fingerprintOf(node.raw), facts.fingerprint);
    assert.equal(facts.commonName, 'G01');
    assert.equal(facts.serial.length, 32);
    serials.add(facts.serial);
  }
  assert.equal(serials.size, 5);
  const server = await issueServer(authority, ['engine.example'], nowMs);
  const { names } = certificateFacts(server.certificate, 'server.crt');
  for (const name of ['localhost', '127.0.0.1', 'engine.example']) assert.ok(names.includes(name));
});

test('a request is signed for the gate it names and the key it holds', async () => {
  const authority = await createAuthority('test operator', nowMs);
  const { request, key } = await createRequest('G02');
  const certificate = await signRequest(authority, 'G02', request, 'g02.csr', nowMs);
  assert.ok(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)));
});

test('a request that does not hold is refused, naming its file', async () => {
  const authority = await createAuthority('test operator', nowMs);
  const { request } = await createRequest('G02');
  const lines = request.split('\n');
  const at = Math.floor(lines.length / 2);
  const letter = lines[at]![10] === 'A' ? 'B' : 'A';
  lines[at] = `${lines[at]!.slice(0, 10)}${letter}${lines[at]!.slice(11)}`;
  const refused: [string, string, RegExp][] = [
    ['G03', request, /g\.csr: the request is for "G02", not gate G03/],
    ['G02', 'no request', /g\.csr: not a certificate signing request/],
    ['G02', authority.certificate, /g\.csr: not a certificate signing request/],
    ['G02', lines.join('\n'), /g\.csr: /],
  ];
  for (const [gateId, text, message] of refused) {
    await assert.rejects(signRequest(authority, gateId, text, 'g.csr', nowMs), (error) => {
      assert.ok(error instanceof FaregateError && error.code === 'ENROLMENT_REFUSED', `${error}`);
      assert.match(error.message, message);
      return true;
    });
  }
});

test('no certificate bears a name that is no gate id', async () => {
  const authority = await createAuthority('test operator', nowMs);
  await assert.rejects(issueGate(authority, 'G01,CN=G02', nowMs), /no gate id/);
  assert.throws(() => certificateFacts('nothing', 'gate.crt'), /gate\.crt: not a certificate/);
});

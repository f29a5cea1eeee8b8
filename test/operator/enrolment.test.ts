/** Enrolment: a gate's bundle, the registry, and what is refused. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../../engine/cli/command.ts';
import { gateCommands } from '../../engine/cli/gates.ts';
import { FaregateError } from '../../engine/errors.ts';
import { enrolGate, ensurePki, revokeGate } from '../../engine/operator/enrolment.ts';
import { GateRegistry, readRegistry } from '../../engine/operator/registry.ts';
import { certificateFacts, createRequest } from '../../engine/pki/certificates.ts';

const DAY_MS = 86_400_000;

function scratch(name: string, run: (dir: string) => Promise<void>): void {
  test(name, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'faregate-enrol-'));
    try {
      await run(dir);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
}

function refused(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof FaregateError && error.code === 'ENROLMENT_REFUSED', `${error}`);
    assert.match(error.message, message);
    return true;
  };
}

const text = (...path: string[]): Promise<string> => readFile(join(...path), 'utf8');
const never = (error: FaregateError): void => assert.fail(error);

scratch('a gate gets its files once, its keys for its eyes only', async (dir) => {
  const out = join(dir, 'g01');
  const gate = await enrolGate(dir, { gateId: 'G01', station: 'Xidan', outDir: out });
  assert.deepEqual((await readdir(out)).sort(), ['ca.crt', 'gate.crt', 'gate.key', 'journal.key']);
  for (const name of ['gate.key', 'journal.key']) {
    assert.equal((await stat(join(out, name))).mode & 0o777, 0o600);
  }
  assert.equal((await stat(join(dir, 'pki', 'ca.key'))).mode & 0o777, 0o600);
  assert.match(await text(out, 'journal.key'), /^[0-9A-F]{64}\n$/);
  const certificate = new X509Certificate(await text(out, 'gate.crt'));
  assert.ok(certificate.checkIssued(new X509Certificate(await text(out, 'ca.crt'))));
  assert.equal(gate.fingerprint, certificate.fingerprint256.replaceAll(':', ''));
  assert.deepEqual(await readRegistry(dir), [gate]);
  await assert.rejects(
    enrolGate(dir, { gateId: 'G01', outDir: join(dir, 'again') }),
    refused(/gate G01 is enrolled; --replace/),
  );
});

scratch('a replacement changes the certificate and leaves the journal key', async (dir) => {
  const out = join(dir, 'g01');
  const before = await enrolGate(dir, { gateId: 'G01', station: 'Xidan', outDir: out });
  const journalKey = await text(out, 'journal.key');
  const after = await enrolGate(dir, { gateId: 'G01', outDir: out, replace: true });
  assert.notEqual(after.fingerprint, before.fingerprint);
  assert.equal(after.station, 'Xidan');
  assert.equal(await text(out, 'journal.key'), journalKey);
  assert.deepEqual(await readRegistry(dir), [after]);
});

scratch('a gate that sends a request keeps its keys to itself', async (dir) => {
  const { request } = await createRequest('G02');
  const requestFile = join(dir, 'g02.csr');
  await writeFile(requestFile, request);
  const out = join(dir, 'g02');
  await enrolGate(dir, { gateId: 'G02', outDir: out, requestFile });
  assert.deepEqual((await readdir(out)).sort(), ['ca.crt', 'gate.crt']);
});

scratch('what cannot be enrolled is refused and changes nothing', async (dir) => {
  const out = join(dir, 'g01');
  await enrolGate(dir, { gateId: 'G01', outDir: out });
  const registry = await text(dir, 'gates.json');
  const certificate = await text(out, 'gate.crt');
  await writeFile(join(dir, 'bad.csr'), 'nothing');
  await writeFile(join(dir, 'big.csr'), 'x'.repeat(20_000));
  const outDir = join(dir, 'new');
  await assert.rejects(enrolGate(dir, { gateId: 'G 02', outDir }), refused(/"G 02" is no gate id/));
  await assert.rejects(
    enrolGate(dir, { gateId: 'G02', outDir: out }),
    refused(/holds the files of gate G01/),
  );
  await assert.rejects(
    enrolGate(dir, { gateId: 'G02', outDir, requestFile: join(dir, 'bad.csr') }),
    refused(/bad\.csr: not a certificate signing request/),
  );
  await assert.rejects(
    enrolGate(dir, { gateId: 'G02', outDir, requestFile: join(dir, 'big.csr') }),
    /big\.csr: more than 16384 bytes/,
  );
  await assert.rejects(revokeGate(dir, 'G09'), refused(/no gate "G09"/));
  assert.equal(await text(dir, 'gates.json'), registry);
  assert.equal(await text(out, 'gate.crt'), certificate);
});

scratch('a running engine sees enrolments and revocations', async (dir) => {
  const registry = new GateRegistry(dir, never, () => true);
  assert.equal(registry.find('G01'), undefined);
  const gate = await enrolGate(dir, { gateId: 'G01', outDir: join(dir, 'g01') });
  assert.deepEqual(registry.find('G01'), gate);
  const revoked = await revokeGate(dir, 'G01');
  assert.ok(revoked.revoked);
  assert.deepEqual(registry.list(), [revoked]);
  await assert.rejects(revokeGate(dir, 'G01'), refused(/was revoked at/));
  await assert.rejects(
    enrolGate(dir, { gateId: 'G01', outDir: join(dir, 'g01') }),
    refused(/was revoked at .*--replace/),
  );
});

scratch('a running engine looks at its file only when that is due', async (dir) => {
  let isDue = true;
  const registry = new GateRegistry(dir, never, () => isDue);
  isDue = false;
  const gate = await enrolGate(dir, { gateId: 'G01', outDir: join(dir, 'g01') });
  assert.equal(registry.find('G01'), undefined);
  isDue = true;
  assert.deepEqual(registry.find('G01'), gate);
});

scratch('a damaged registry leaves the former one in force, and says so', async (dir) => {
  const gate = await enrolGate(dir, { gateId: 'G01', outDir: join(dir, 'g01') });
  const told: FaregateError[] = [];
  const registry = new GateRegistry(
    dir,
    (error) => told.push(error),
    () => true,
  );
  await writeFile(join(dir, 'gates.json'), '{"gates":[{"id":"G01"}]}');
  assert.deepEqual(registry.find('G01'), gate);
  assert.deepEqual(registry.find('G01'), gate);
  assert.equal(told.length, 1);
  assert.equal(told[0]!.code, 'CONFIG_INVALID');
  assert.match(told[0]!.message, /gates\.json: field \/gates\/0/);
  assert.throws(() => new GateRegistry(dir, never), /gates\.json/);
  await assert.rejects(enrolGate(dir, { gateId: 'G02', outDir: join(dir, 'g02') }), /gates\.json/);
});

scratch('gates enrolled at the same time are all there', async (dir) => {
  const ids = ['G01', 'G02', 'G03', 'G04', 'G05', 'G06'];
  await Promise.all(ids.map((gateId) => enrolGate(dir, { gateId, outDir: join(dir, gateId) })));
  assert.deepEqual(
    (await readRegistry(dir)).map((gate) => gate.id),
    ids,
  );
});

scratch('a lock that a dead process left is taken over', async (dir) => {
  await ensurePki(dir);
  await writeFile(join(dir, 'pki', 'lock'), String(2 ** 22 + 1));
  await ensurePki(dir);
  await writeFile(join(dir, 'pki', 'lock'), String(process.pid));
  await ensurePki(dir);
});

scratch('the server certificate is kept, until names or time ask for another', async (dir) => {
  const nowMs = Date.UTC(2026, 0, 1);
  const facts = async (names: string[], atMs: number): Promise<string> =>
    certificateFacts((await ensurePki(dir, names, atMs)).server.certificate, '').fingerprint;
  const first = await facts([], nowMs);
  const authority = await text(dir, 'pki', 'ca.crt');
  assert.equal(await facts(['localhost'], nowMs + 600 * DAY_MS), first);
  const named = await facts(['engine.example'], nowMs);
  assert.notEqual(named, first);
  assert.equal(await facts([], nowMs), named);
  assert.notEqual(await facts(['engine.example'], nowMs + 700 * DAY_MS), named);
  assert.equal(await text(dir, 'pki', 'ca.crt'), authority);
});

scratch('an authority without its key is not replaced', async (dir) => {
  await ensurePki(dir);
  await rm(join(dir, 'pki', 'ca.key'));
  await assert.rejects(ensurePki(dir), /ca\.crt has no key beside it/);
});

scratch('the commands enrol, list and revoke', async (dir) => {
  const run = async (...argv: string[]): Promise<{ code: number; out: string; err: string }> => {
    const out: string[] = [];
    const err: string[] = [];
    const io = {
      out: (line: string) => out.push(line),
      err: (line: string) => err.push(line),
      input: process.stdin,
      env: {},
      terminal: false,
    };
    const code = await runProgram('faregate-engine', 'test', gateCommands, argv, io);
    return { code, out: out.join('\n'), err: err.join('\n') };
  };
  const data = join(dir, 'data');
  const out = join(dir, 'bundle');
  const enrol = ['gates', 'enroll', '--data', data, '--gate', 'G01', '--out', out];
  const mistyped = await run(...enrol);
  assert.match(mistyped.err, /^ENROLMENT_REFUSED: .*data is no engine's data folder/);
  assert.equal(existsSync(data) || existsSync(out), false, 'nothing was made');
  mkdirSync(data);
  assert.equal((await run(...enrol, '--station', 'Xidan')).code, 0);
  assert.deepEqual(await run(...enrol), {
    code: 1,
    out: '',
    err: 'ENROLMENT_REFUSED: gate G01 is enrolled; --replace issues a new certificate',
  });
  assert.equal((await run(...enrol, '--replace')).code, 0);
  const listed = JSON.parse((await run('gates', 'list', '--data', data, '--json')).out);
  assert.equal(listed[0].station, 'Xidan');
  assert.equal((await run('gates', 'revoke', '--data', data, '--gate', 'G01')).code, 0);
  assert.match((await run('gates', 'list', '--data', data)).out, /^G01 +revoked 20/);
  assert.equal((await run('gates', 'enroll', '--data', data, '--gate', 'G02')).code, 2);
});

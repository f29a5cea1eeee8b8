/** An engine on a folder of its own, and a gate's journal uploaded to it, to test with. */
import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cmacKey } from '../../engine/crypto/mac.ts';
import { silentLog } from '../../engine/log/log.ts';
import type { EngineOptions, RunningEngine } from '../../engine/operator/engine.ts';
import { enrolGate } from '../../engine/operator/enrolment.ts';
import { readBundle, TlsTransport } from '../../gate/uplink/tls.ts';
import { Uplink } from '../../gate/uplink/uplink.ts';
import type { GateKit, StationKit } from './station-kit.ts';

export function engineOptions(kit: StationKit, dataDir: string): EngineOptions {
  return {
    dataDir,
    keyring: kit.keyring,
    cardHash: cmacKey(new Uint8Array(16).fill(9)),
    host: '127.0.0.1',
    names: [],
    uplinkPort: 0,
    httpPort: 0,
    city: 'Test',
    currency: 'CNY',
    log: silentLog,
    onFailure: (error) => assert.fail(String(error)),
  };
}

/** Enrols the gate and uploads all that its journal holds. */
export async function upload(
  engine: RunningEngine,
  dataDir: string,
  { gate, journal }: GateKit,
): Promise<void> {
  const { gateId } = gate;
  const outDir = mkdtempSync(join(tmpdir(), 'faregate-bundle-'));
  await enrolGate(dataDir, { gateId, station: 'Here', outDir: join(outDir, gateId) });
  const bundle = await readBundle(join(outDir, gateId));
  const uplink = new Uplink({
    gateId,
    transport: new TlsTransport({ host: '127.0.0.1', port: engine.uplinkPort, bundle }),
    journal,
    status: () => gate.counts.status(journal.backlog, 0),
    log: silentLog,
    random: Math.random,
    onFailure: (error) => assert.fail(String(error)),
  });
  uplink.start();
  await uplink.drained();
  await uplink.stop();
}

/**
 * The engine of the simulation: production ingest and ledger over a store that loses what was not
 * committed when its process is killed.
 */
import assert from 'node:assert/strict';
import type { CryptogramKeyring } from '../../engine/crypto/cryptogram-keyring.ts';
import type { Keyring } from '../../engine/crypto/keyring.ts';
import { type CmacKey, cmacKey } from '../../engine/crypto/mac.ts';
import { Ledger } from '../../engine/ledger/ledger.ts';
import { MemoryStore } from '../../engine/ledger/memory-store.ts';
import { silentLog } from '../../engine/log/log.ts';
import type { DesfireScheme } from '../../engine/operator/desfire-evidence.ts';
import { GateTable, newCounters } from '../../engine/operator/ingest-gates.ts';
import {
  type IngestContext,
  IngestSession,
  type LedgerPort,
  type ParameterPort,
} from '../../engine/operator/ingest-session.ts';
import { createRecordChecks } from '../../engine/operator/record-checks.ts';
import type { Chance } from '../../gate/demo/chance.ts';
import type { Witness } from './invariants.ts';
import type { Scenario } from './scenario.ts';
import { SimProcess, type VirtualTime } from './virtual-time.ts';

export class EngineNode {
  readonly store: MemoryStore;
  /** Dies some milliseconds after the next batch has come: the commit may be under way. */
  killAtPost = false;
  /** Told as it dies, to break its connections. */
  onKilled: () => void = () => {};
  /** What it gives out to gates; null: nothing. */
  parameters: ParameterPort | null = null;
  readonly #time: VirtualTime;
  readonly #scenario: Scenario;
  readonly #chance: Chance;
  /** How often each gate's certificate was renewed; on the engine's disk. */
  readonly #renewals = new Map<string, number>();
  #keyring: Keyring | null = null;
  #desfire: DesfireScheme | null = null;
  #cryptograms: CryptogramKeyring | null = null;
  readonly #witness: Witness;
  readonly hashKey: CmacKey;
  /** Kept over restarts, as on the engine's disk. */
  readonly #storageKey: Uint8Array;
  #process = new SimProcess('engine');
  #calm = false;
  #context: IngestContext | null = null;
  #ledger: Ledger | null = null;

  constructor(time: VirtualTime, scenario: Scenario, chance: Chance, witness: Witness) {
    this.#time = time;
    this.#scenario = scenario;
    this.#chance = chance;
    this.#witness = witness;
    // A commit is on disk in the order of the commits, some milliseconds later.
    let syncedUs = 0;
    this.store = new MemoryStore(() => {
      syncedUs = Math.max(syncedUs, time.nowUs) + 1000 + chance.fraction() * 40_000;
      return time.sleep((syncedUs - time.nowUs) / 1000);
    });
    this.hashKey = cmacKey(chance.bytes(16));
    this.#storageKey = chance.bytes(32);
  }

  /** Is killed no more. */
  calm(): void {
    this.#calm = true;
    this.killAtPost = false;
  }

  /** Gives it the issuers' keys. */
  trust(keyring: Keyring, desfire: DesfireScheme, cryptograms: CryptogramKeyring): void {
    this.#keyring = keyring;
    this.#desfire = desfire;
    this.#cryptograms = cryptograms;
  }

  /** Resolves when the process that was started last dies. */
  get death(): Promise<void> {
    return this.#process.death;
  }

  get process(): SimProcess {
    return this.#process;
  }

  get running(): boolean {
    return this.#context !== null;
  }

  get ledger(): Ledger {
    if (!this.#ledger) throw new Error('the engine is down');
    return this.#ledger;
  }

  /** Starts the process on what the store holds. */
  async start(): Promise<void> {
    const process = new SimProcess('engine');
    const keyring = this.#keyring;
    const desfire = this.#desfire;
    const cryptograms = this.#cryptograms;
    assert(keyring && desfire && cryptograms);
    this.#process = process;
    await this.#time.within(process, async () => {
      const ledger = await Ledger.open(this.store);
      this.#ledger = ledger;
      this.#context = {
        ledger: this.#witnessed(ledger, process),
        checks: createRecordChecks({
          keyring,
          desfire,
          cryptograms,
          cardHash: this.hashKey,
          storageKey: this.#storageKey,
          salt: this.#chance.bytes(16),
        }),
        registry: {
          find: (gateId) => ({
            id: gateId,
            station: '',
            serial: '',
            fingerprint: this.certificateOf(gateId),
            enrolledAt: '',
            revoked: null,
          }),
        },
        gates: new GateTable(),
        counters: newCounters(),
        log: silentLog,
        nowMs: () => this.#time.wallMs(),
        ...(this.parameters ? { parameters: this.parameters } : {}),
        onFailure: (error) => this.#onFailure(process, error),
      };
    });
  }

  /** Ends the process; the store forgets what was not committed. */
  kill(): void {
    if (!this.running) return;
    this.onKilled();
    this.#process.kill();
    this.#context = null;
    this.#ledger = null;
    this.store.crash();
  }

  /** Fingerprint of the certificate that the operator has last issued to a gate. */
  certificateOf(gateId: string): string {
    return `certificate ${this.#renewals.get(gateId) ?? 0} of ${gateId}`;
  }

  /** Issues a new one; from now on the former is refused. */
  renewCertificate(gateId: string): void {
    this.#renewals.set(gateId, (this.#renewals.get(gateId) ?? 0) + 1);
  }

  /** A connection's session, as the TLS server makes one; null while the engine is down. */
  admit(gateId: string, fingerprint: string, onRetired: () => void): IngestSession | null {
    const context = this.#context;
    if (!context) return null;
    const peer = { gateId, fingerprint };
    return this.#time.within(this.#process, () => new IngestSession(context, peer, onRetired));
  }

  #onFailure(process: SimProcess, error: unknown): void {
    if (process.alive) this.#witness.broken(`the engine failed: ${error}`);
  }

  /** The ledger, with its promises remembered: what was acknowledged must never be lost. */
  #witnessed(ledger: Ledger, process: SimProcess): LedgerPort {
    const early = this.#scenario.canary === 'earlyAck';
    return {
      acknowledgedThrough: (gateId) => ledger.acknowledgedThrough(gateId),
      postBatch: async (batch) => {
        const { gateId, firstSequence, count } = batch;
        const posting = ledger.postBatch(batch);
        if (this.killAtPost) {
          this.killAtPost = false;
          const killMs = this.#chance.fraction() * 60;
          this.#time.within(undefined, () => {
            setTimeout(() => this.#calm || this.kill(), killMs);
          });
        }
        if (early) {
          posting.catch(() => undefined);
          const outcomes = Array.from({ length: count }, () => 'posted' as const);
          return { outcomes, acknowledgedThrough: firstSequence + count - 1 };
        }
        const result = await posting;
        if (process.alive) this.#witness.acknowledged(gateId, result.acknowledgedThrough);
        return result;
      },
    };
  }
}

/** A gate that serves a simulated reader with a kernel, over TCP or whatever else carries it. */
import assert from 'node:assert/strict';
import { afterEach } from 'node:test';
import type { TapReport } from '../../gate/controller.ts';
import type { ReaderOptions } from '../../gate/reader/connection.ts';
import { openReader } from '../../gate/reader/open.ts';
import type { ReaderNotice } from '../../gate/reader/reader.ts';
import type { HeldCard } from '../../gate/reader/virtual/held-card.ts';
import { type Plug, TcpPlug } from './device-hosts.ts';
import { KernelDevice } from './kernel-device.ts';
import { type GateKit, type GateOptions, StationKit } from './station-kit.ts';

export const STATION = 3;

export interface KernelGateOptions extends GateOptions {
  kit?: StationKit;
  side?: 'entry' | 'exit' | 'single';
  device?: KernelDevice;
  plug?: Plug;
  kind?: string;
  readerOptions?: ReaderOptions;
}

export interface KernelGate {
  readonly kit: StationKit;
  readonly device: KernelDevice;
  readonly plug: Plug;
  readonly gate: GateKit;
  readonly fareMinor: number;
  readonly notices: ReaderNotice[];
  /** All taps so far, late outcomes among them. */
  readonly reports: TapReport[];
  /** Resolves with the tap of that number, the first being 1. */
  tapped(number: number): Promise<TapReport>;
  /** Holds a card to the reader; resolves with its tap. */
  tap(card: HeldCard, commands?: number): Promise<TapReport>;
  /** Looks at something until it holds. */
  until(what: string, holds: () => boolean): Promise<void>;
  /** Ends the gate, not its reader's device. */
  stop(): Promise<void>;
  end(): Promise<void>;
}

const LOOKS_MAX = 2000;

/** Of tests that failed before they ended them, too: an open link keeps the process alive. */
const gates: KernelGate[] = [];
afterEach(async () => {
  for (const gate of gates.splice(0)) await gate.end();
});

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.fail(`never: ${what}`);
}

export async function kernelGate(options: KernelGateOptions = {}): Promise<KernelGate> {
  const { kit = new StationKit(), side = 'single', device = new KernelDevice(), ...rest } = options;
  const plug = options.plug ?? (await TcpPlug.of(device));
  const notices: ReaderNotice[] = [];
  const reports: TapReport[] = [];
  const reader = await openReader(`${options.kind ?? 'kernel-tcp'}:${plug.address}`, {
    takesKernel: true,
    pauseMsMin: 5,
    pauseMsMax: 40,
    onNotice: (notice) => void notices.push(notice),
    ...options.readerOptions,
  });
  const gate = kit.gate(side, STATION, {
    bank: {},
    families: ['bank', 'purse'],
    ...rest,
    reader,
    onTap: (report) => void reports.push(report),
  });
  const serving = gate.gate.serve();
  let stopped: Promise<void> | null = null;
  const finish = async (): Promise<void> => {
    await gate.gate.finish();
    await reader.close();
    await serving;
  };
  const stop = (): Promise<void> => (stopped ??= finish());
  let ended: Promise<void> | null = null;
  const end = async (): Promise<void> => {
    await stop();
    await plug.end();
  };
  const tapped = async (number: number): Promise<TapReport> => {
    await until(`tap ${number}`, () => reports.length >= number);
    return reports[number - 1]!;
  };
  const made: KernelGate = {
    kit,
    device,
    plug,
    gate,
    fareMinor: kit.fares.fareMinor(STATION, STATION, 0),
    notices,
    reports,
    tapped,
    until,
    async tap(card, commands) {
      const number = reports.length + 1;
      const gone = device.present(card, commands);
      const report = await tapped(number);
      await gone;
      return report;
    },
    stop,
    end: () => (ended ??= end()),
  };
  gates.push(made);
  return made;
}

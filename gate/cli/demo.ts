/** `faregate-gate demo`: the main job on embedded defaults; and its station's process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Args, Command, Io } from '../../engine/cli/command.ts';
import { BANK_TAP_DEADLINE_MS, TAP_DEADLINE_MS } from '../../engine/durations.ts';
import { FaregateError } from '../../engine/errors.ts';
import { formatMinor } from '../../engine/fare/money.ts';
import { FAMILIES, type RiderFamily } from '../demo/population.ts';
import { runStation } from '../demo/station-process.ts';
import { type DemoResult, runDemo } from '../demo/supervisor.ts';

const ZONE = 'Asia/Shanghai';
/** A Monday, half past six in the morning: before the rush; and for people who watch, in it. */
const START_MS = Date.UTC(2026, 2, 1, 22, 30);
const RUSH_MS = Date.UTC(2026, 2, 1, 23, 40);
const HTTP_PORT_MAX = 65_535;

export const demoCommand: Command = {
  name: 'demo',
  about: 'Runs engine, gates and riders of a simulated city on this machine.',
  options: {
    taps: { type: 'string', value: 'N', about: 'stop after N taps, drain and check the books' },
    seed: { type: 'string', value: 'S', about: 'seed of riders and chance (default 1)' },
    fares: { type: 'string', value: 'DIR', about: 'fare set (default: the sample city)' },
    data: { type: 'string', value: 'DIR', about: 'keep the run here, and go on with it' },
    riders: { type: 'string', value: 'N', about: 'commuters (default 6000)' },
    gates: { type: 'string', value: 'N', about: 'gates at the hub (default 16, at least 12)' },
    pace: { type: 'string', value: 'PACE', about: 'real or modelled; modelled with --taps' },
    port: { type: 'string', value: 'PORT', about: 'port of the dashboard (default 8080)' },
    json: { type: 'boolean', about: 'print the result as one JSON object, last' },
  },
  run: demo,
};

async function demo(args: Args, io: Io): Promise<number> {
  const kept = args.text('data');
  const dir = kept ?? mkdtempSync(join(tmpdir(), 'faregate-'));
  const taps = args.text('taps') === undefined ? null : args.whole('taps', 0, 1, 1_000_000_000);
  const pace = args.text('pace') ?? (taps === null ? 'real' : 'modelled');
  if (pace !== 'real' && pace !== 'modelled') {
    throw new FaregateError('USAGE', `--pace takes real or modelled, not ${pace}`);
  }
  const result = await runDemo({
    dir,
    plan: {
      seed: args.whole('seed', 1, 0, 0xffff_ffff),
      taps,
      fares: args.text('fares') ?? 'sample',
      riders: args.whole('riders', 6000, 1, 1_000_000),
      hubGates: args.whole('gates', 16, 12, 500),
      homes: 12,
      pace,
      speed: 20,
      tearing: 0.02,
      zone: ZONE,
      startMs: pace === 'real' ? RUSH_MS : START_MS,
    },
    httpPort: args.text('port') === undefined ? null : args.whole('port', 0, 0, HTTP_PORT_MAX),
    note: io.err,
    progress: progressPrinter(io, taps),
    stop: interrupted(),
  });
  if (kept === undefined) rmSync(dir, { recursive: true, force: true });
  for (const line of args.flag('json') ? [JSON.stringify(result)] : summary(result)) io.out(line);
  const clean = result.unreconciledMinor === 0 && result.unresolved === 0;
  return clean && result.findings.length === 0 ? 0 : 1;
}

/** On a terminal a line that is drawn over; elsewhere a line now and then. */
function progressPrinter(io: Io, wanted: number | null): (taps: number, backlog: number) => void {
  let lastMs = 0;
  const startMs = Date.now();
  let first = -1;
  return (taps, backlog) => {
    const nowMs = Date.now();
    if (first < 0) first = taps;
    if (nowMs - lastMs < (io.terminal ? 250 : 5000)) return;
    lastMs = nowMs;
    const rate = Math.round(((taps - first) * 1000) / Math.max(1, nowMs - startMs));
    const of = wanted === null ? '' : ` of ${wanted}`;
    const line = `${taps}${of} taps, ${rate} a second, ${backlog} debits waiting`;
    if (io.terminal) process.stderr.write(`\r${line.padEnd(70)}`);
    else io.err(line);
  };
}

function summary(result: DemoResult): string[] {
  const { tapMs, hostUs, bankTapMs, bankHostUs, openLoop } = result;
  const times = (unit: string, p: DemoResult['tapMs']): string =>
    `p50 ${p.p50}, p99 ${p.p99}, p99.9 ${p.p999}, longest ${p.max} ${unit}`;
  return [
    '',
    ...familyTable(result),
    '',
    `taps          ${result.taps} in ${result.seconds} s: ${result.denied} denied, ${result.torn} torn, ${result.recovered} settled`,
    `tap           ${times('ms', tapMs)}; promise ${TAP_DEADLINE_MS} ms`,
    `  bank cards  ${times('ms', bankTapMs)}; promise ${BANK_TAP_DEADLINE_MS} ms`,
    '              (card and air are a model)',
    `host's share  ${times('us', hostUs)}`,
    `  bank cards  ${times('us', bankHostUs)}`,
    `debits        ${result.debits} on cards, ${result.posted} posted, ${result.unresolved} unresolved`,
    `charged later ${openLoop.taps} taps of ${openLoop.cards} bank cards: ${openLoop.charges} charges, ${formatMinor(openLoop.chargedMinor, 2)}`,
    `money         ${formatMinor(result.spentMinor, 2)} spent, ${formatMinor(result.unreconciledMinor, 2)} unreconciled`,
    ...result.findings.map((finding) => `BROKEN        ${finding}`),
  ];
}

const familyNames: Readonly<Record<RiderFamily, string>> = {
  purse: 'purse',
  desfire: 'AES card',
  ecash: 'e-cash',
  openLoop: 'open loop',
  citizen: 'citizen card',
};

/** A line for each kind of card. */
function familyTable({ families }: DemoResult): string[] {
  const columns = ['taps', 'opened', 'denied', 'torn', 'settled', 'tap p50', 'host p50'];
  const line = (name: string, cells: readonly string[]): string =>
    name.padEnd(14) +
    cells
      .map((cell) => cell.padStart(9))
      .join('')
      .slice(1);
  const rows = FAMILIES.map(([family]) => {
    const { taps, opened, denied, torn, recovered, tapMs, hostUs } = families[family];
    const counts = [taps, opened, denied, torn, recovered].map(String);
    return line(familyNames[family], [...counts, `${tapMs} ms`, `${hostUs} us`]);
  });
  return [line('', columns), ...rows];
}

/** The first Ctrl-C (or SIGTERM) asks for a clean end; a second one ends at once. */
function interrupted(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const ask = (): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on('SIGINT', ask);
    process.on('SIGTERM', ask);
  });
}

/** Started by `demo`; stops when its standard input ends. */
export const demoStationCommand: Command = {
  name: 'demo-station',
  about: 'The station process of a demo (started by demo).',
  options: { data: { type: 'string', value: 'DIR', required: true, about: 'folder of the run' } },
  run: async (args, io) => {
    const ended = new Promise<void>((resolve) => {
      io.input.on('end', resolve);
      io.input.resume();
    });
    try {
      await runStation(args.need('data'), ended, (word) => io.out(JSON.stringify(word)));
      return 0;
    } finally {
      // An open input that is listened to would keep the process alive.
      io.input.pause();
    }
  },
};

/**
 * `faregate-gate run --config FILE`: runs a gate or a whole station until it is told to stop; with
 * `--check` only looks whether it could. Decisions go to standard output as JSON lines, the log to
 * standard error; what barriers count comes in on standard input.
 */
import type { Args, Command, Io } from '../../engine/cli/command.ts';
import { FaregateError } from '../../engine/errors.ts';
import { createLog, logLevelOf, logLevels } from '../../engine/log/log.ts';
import { readPassages } from '../barrier/passages.ts';
import { readServiceConfig } from '../service/config.ts';
import { Control, readToken } from '../service/control.ts';
import { type Health, type StationView, serveHealth } from '../service/health.ts';
import type { ServiceParameters } from '../service/parameters.ts';
import { type Check, selfTest } from '../service/self-test.ts';
import { loadFiles, openStation, reloadKeys } from '../service/service.ts';
import { putTapsFirst } from '../service/taps-first.ts';
import type { Station } from '../station.ts';

/** Taps that Node has compiled the path by (`gate/warm-up.ts`). */
const WARM_UP_TAPS = 1500;

export const runCommand: Command = {
  name: 'run',
  about: 'Runs a gate or a whole station; decisions on standard output, one JSON line each.',
  options: {
    config: { type: 'string', value: 'FILE', required: true, about: 'docs/gate-config.md' },
    check: { type: 'boolean', about: 'only test what the configuration names, and say it' },
    json: { type: 'boolean', about: 'with --check: one JSON object' },
    'log-level': { type: 'string', value: 'LEVEL', about: `${logLevels.join(', ')}` },
  },
  run: runGate,
};

async function runGate(args: Args, io: Io): Promise<number> {
  const isFirst = args.flag('check') || putTapsFirst();
  const source = args.need('config');
  const config = await readServiceConfig(source);
  const files = await loadFiles(config, io.env, source);
  const checks = await selfTest(config, files, Date.now());
  const failed = checks.filter(({ state }) => state === 'failed');
  if (args.flag('check')) {
    report(checks, args.flag('json'), io);
    return failed.length > 0 ? 1 : 0;
  }
  const log = createLog('gate', logLevelOf(args.text('log-level') ?? 'info'));
  for (const { what, state, detail } of checks) {
    if (state === 'warning') log.warn({ what }, detail);
  }
  if (!isFirst) {
    log.info({}, 'not let to raise its priority: taps wait for whatever else the machine does');
  }
  if (failed.length > 0) {
    const named = failed.map(({ what, detail }) => `${what}: ${detail}`).join('; ');
    throw new FaregateError('SELF_TEST_FAILED', named);
  }
  const stopped = asked();
  const { station, parameters } = await openStation({
    config,
    files,
    log,
    write: io.out,
    warmUpTaps: WARM_UP_TAPS,
  });
  let health: Health | null = null;
  let unheard = (): void => undefined;
  let reloaded = Promise.resolve();
  const reload = (): void => {
    reloaded = reloaded
      .then(() => reloadKeys({ station, parameters }, config, io.env))
      .then(
        () => log.info({}, 'the keys of the key file are in force'),
        (error: Error) => log.error({}, `the keys stay as they were: ${error.message}`),
      );
  };
  process.on('SIGHUP', reload);
  try {
    if (config.health) {
      const control = config.control
        ? new Control(station.modes, await readToken(config.control.tokenFile), log)
        : null;
      health = await serveHealth(
        viewOf(station, parameters),
        config.health.host,
        config.health.port,
        control,
      );
    }
    station.start();
    // A terminal is no counter, and reading one would stop a process in its background.
    if (!(io.input as Partial<NodeJS.ReadStream>).isTTY) {
      unheard = readPassages(io.input, (gate, people) => station.passed(gate, people), log);
    }
    log.info({ gates: config.gates.length, health: health?.address ?? null }, 'gates are open');
    await Promise.race([station.serve(), stopped]);
    log.info({ backlog: station.backlog }, 'stopping');
  } finally {
    process.off('SIGHUP', reload);
    unheard();
    await health?.close();
    await station.stop();
    await parameters.end();
  }
  return 0;
}

function report(checks: readonly Check[], json: boolean, io: Io): void {
  if (json) {
    const ok = checks.every(({ state }) => state !== 'failed');
    io.out(JSON.stringify({ ok, checks }));
    return;
  }
  const width = Math.max(...checks.map(({ what }) => what.length));
  for (const { what, state, detail } of checks) {
    io.out(`${state.padEnd(7)}  ${what.padEnd(width)}  ${detail}`);
  }
}

function viewOf(station: Station, parameters: ServiceParameters): StationView {
  const gates = () =>
    station.statuses().map((status) => ({
      ...status,
      denylistVersion: parameters.settingOf(status.gateId).denylist.version,
    }));
  return { ready: () => station.serving, gates };
}

function asked(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
}

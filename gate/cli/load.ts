/**
 * `faregate-gate load`: a load machine for one card. It drives the card on any link; the engine's
 * `cards serve` decides and computes. Without `--order` it looks only, which settles an order whose
 * outcome is not known.
 */
import { fromHex, isHex } from '../../engine/bytes.ts';
import { compileProfile } from '../../engine/card/purse/compile.ts';
import { refusals } from '../../engine/cards/model.ts';
import type { Args, Command, Io } from '../../engine/cli/command.ts';
import { FaregateError } from '../../engine/errors.ts';
import { openProfile } from '../../engine/operator/profile-files.ts';
import { EngineHost } from '../load/engine-host.ts';
import { type LoadReport, serveCard } from '../load/load-machine.ts';
import { readBundle, TlsTransport } from '../uplink/tls.ts';
import { openWaiting, readerOption, waitOf, waitOption } from './reader-option.ts';
import { firstCard } from './tap.ts';

const PORT_MAX = 65_535;

export const loadCommand: Command = {
  name: 'load',
  about:
    'Loads one card with a paid order, or looks at it; exit code 0 if it was credited or read.',
  options: {
    reader: readerOption,
    profile: {
      type: 'string',
      value: 'NAME_OR_FILE',
      required: true,
      about: 'jrt0025, tunion, city-union, or a JSON file (docs/profiles.md)',
    },
    bundle: { type: 'string', value: 'DIR', required: true, about: 'what enrolment gave' },
    engine: { type: 'string', value: 'HOST:PORT', required: true, about: 'its `cards serve`' },
    order: { type: 'string', value: 'ID', about: 'the order to put on the card; none: look' },
    terminal: { type: 'string', value: 'HEX', about: 'terminal id, 6 bytes' },
    wait: waitOption,
    json: { type: 'boolean', about: 'print one JSON object' },
  },
  run: load,
};

async function load(args: Args, io: Io): Promise<number> {
  const profile = compileProfile(await openProfile(args.need('profile')));
  const terminal = args.text('terminal') ?? '040900000001';
  if (!isHex(terminal, 6)) {
    throw new FaregateError('USAGE', `--terminal takes 6 bytes in hexadecimal, not ${terminal}`);
  }
  const host = new EngineHost(await transportFrom(args));
  const reader = await openWaiting(args, io);
  try {
    const card = await firstCard(reader, waitOf(args));
    const parts = { profiles: [profile], host, terminalId: fromHex(terminal) };
    const report = await serveCard(parts, card, args.text('order') ?? null);
    await card.release();
    io.out(args.flag('json') ? JSON.stringify(report) : describe(report));
    return report.outcome === 'credited' || report.outcome === 'looked' ? 0 : 1;
  } finally {
    host.close();
    await reader.close();
  }
}

async function transportFrom(args: Args): Promise<TlsTransport> {
  const address = /^(.+):(\d{1,5})$/.exec(args.need('engine'));
  const port = Number(address?.[2]);
  if (!address?.[1] || !(port >= 1 && port <= PORT_MAX)) {
    throw new FaregateError('USAGE', `--engine takes HOST:PORT, not ${args.need('engine')}`);
  }
  return new TlsTransport({
    host: address[1],
    port,
    bundle: await readBundle(args.need('bundle')),
  });
}

function describe(report: LoadReport): string {
  const before = report.balanceMinor === null ? '' : `; the card showed ${report.balanceMinor}`;
  switch (report.outcome) {
    case 'credited':
      return `credited${report.earlier ? ' at an earlier visit' : ''}${before}`;
    case 'notCredited':
      return `not credited: the card is proved to have no money of this order${before}`;
    case 'unknown':
      return `not known whether the card was credited: present it again${before}`;
    case 'looked':
      return `read${before}`;
    case 'refused':
      return `refused: ${refusals[report.refused]}${before}`;
    case 'fault': {
      const { why } = report;
      const what = why.fault === 'status' ? why.meaning : why.fault;
      return `nothing was ordered of the card: ${why.command}: ${what}`;
    }
  }
}

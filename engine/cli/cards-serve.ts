/** `faregate-engine cards serve`: the load host that load machines ask. */
import { createLog, logLevelOf, logLevels } from '../log/log.ts';
import { ensurePki } from '../operator/enrolment.ts';
import { LoadServer } from '../operator/load-server.ts';
import { GateRegistry } from '../operator/registry.ts';
import { foundOffice, officeOptions } from './cards-office.ts';
import type { Args, Command, Io } from './command.ts';
import { untilStopped } from './process-io.ts';

const LOAD_PORT = 7444;
const PORT_MAX = 65_535;

export const cardsServeCommand: Command = {
  name: 'cards serve',
  about: 'Answers load machines (those of cards.json); runs beside `serve`.',
  options: {
    ...officeOptions,
    host: { type: 'string', value: 'ADDRESS', about: 'address to listen on (default 127.0.0.1)' },
    name: {
      type: 'string',
      value: 'NAME',
      multiple: true,
      about: 'host name or address that machines reach it by, besides localhost',
    },
    port: { type: 'string', value: 'PORT', about: `port for machines (default ${LOAD_PORT})` },
    'log-level': { type: 'string', value: 'LEVEL', about: `${logLevels.join(', ')}` },
    'until-eof': { type: 'boolean', about: 'also stop when standard input ends' },
  },
  run: serve,
};

function serve(args: Args, io: Io): Promise<number> {
  return foundOffice(args, io, async ({ loads, settings }) => {
    const dataDir = args.need('data');
    const log = createLog('engine', logLevelOf(args.text('log-level') ?? 'warn'));
    let failed: (error: unknown) => void = () => {};
    const failure = new Promise<never>((_, reject) => {
      failed = reject;
    });
    const server = new LoadServer({
      host: args.text('host') ?? '127.0.0.1',
      port: args.whole('port', LOAD_PORT, 0, PORT_MAX),
      pki: await ensurePki(dataDir, args.list('name')),
      // Looked at with each request: a machine that is revoked gets no more money at once.
      registry: new GateRegistry(
        dataDir,
        (error) => log.error({ code: error.code }, error.message),
        () => true,
      ),
      machines: new Set(settings.machines),
      loads,
      log,
      onFailure: failed,
    });
    const port = await server.listen();
    io.out(args.flag('json') ? JSON.stringify({ loadPort: port }) : `load machines: port ${port}`);
    await Promise.race([failure, untilStopped(io, args.flag('until-eof'))]);
    io.input.pause();
    await server.close();
    return 0;
  });
}

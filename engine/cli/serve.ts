/** `faregate-engine serve`: runs the back office. */

import type { CompiledDesfireProfile } from '../card/desfire/compile.ts';
import { AesKeyring } from '../crypto/aes-keyring.ts';
import { CryptogramKeyring } from '../crypto/cryptogram-keyring.ts';
import { Keyring } from '../crypto/keyring.ts';
import { cmacKey } from '../crypto/mac.ts';
import { createLog, logLevelOf, logLevels } from '../log/log.ts';
import { gateDesfireNames, openDesfireProfile } from '../operator/desfire-files.ts';
import { startEngine } from '../operator/engine.ts';
import type { Args, Command, Io } from './command.ts';
import { keySetFrom } from './key-file.ts';
import { untilStopped } from './process-io.ts';

const UPLINK_PORT = 7443;
const HTTP_PORT = 8080;
const PORT_MAX = 65_535;
const LOOPBACK = '127.0.0.1';

export const serveCommand: Command = {
  name: 'serve',
  about: 'Takes uploads from gates, posts debits, serves dashboard, API and metrics.',
  options: {
    data: { type: 'string', value: 'DIR', required: true, about: 'ledger, certificates, gates' },
    keys: { type: 'string', value: 'FILE', required: true, about: 'sealed key file' },
    'passphrase-file': { type: 'string', value: 'FILE', about: 'passphrase of the key file' },
    desfire: {
      type: 'string',
      value: 'NAME_OR_FILE',
      multiple: true,
      about: `profile of AES cards, as gates have it (default ${gateDesfireNames.join(', ')})`,
    },
    host: {
      type: 'string',
      value: 'ADDRESS',
      about: 'address to listen on for gates (default 127.0.0.1)',
    },
    'http-host': {
      type: 'string',
      value: 'ADDRESS',
      about: 'address to listen on for people, who need no password (default 127.0.0.1)',
    },
    name: {
      type: 'string',
      value: 'NAME',
      multiple: true,
      about: 'host name or address that gates reach this engine by, besides localhost',
    },
    port: { type: 'string', value: 'PORT', about: `port for gates (default ${UPLINK_PORT})` },
    'http-port': { type: 'string', value: 'PORT', about: `port for people (default ${HTTP_PORT})` },
    city: { type: 'string', value: 'NAME', about: 'shown on the dashboard' },
    currency: { type: 'string', value: 'CODE', about: 'of the amounts shown (default CNY)' },
    'log-level': { type: 'string', value: 'LEVEL', about: `${logLevels.join(', ')}` },
    'until-eof': { type: 'boolean', about: 'also stop when standard input ends' },
    json: { type: 'boolean', about: 'say what it listens on as one JSON line' },
  },
  run: serve,
};

async function serve(args: Args, io: Io): Promise<number> {
  const keySet = await keySetFrom(args, io);
  const named = args.list('desfire');
  const profiles: CompiledDesfireProfile[] = [];
  for (const name of named.length > 0 ? named : gateDesfireNames) {
    profiles.push(await openDesfireProfile(name));
  }
  const log = createLog('engine', logLevelOf(args.text('log-level') ?? 'warn'));
  let failed: (error: unknown) => void = () => {};
  const failure = new Promise<never>((_, reject) => {
    failed = reject;
  });
  const engine = await startEngine({
    dataDir: args.need('data'),
    keyring: new Keyring(keySet.keys),
    desfire: { keyring: new AesKeyring(keySet.aes), profiles },
    cryptograms: new CryptogramKeyring(keySet.cryptogram),
    cardHash: cmacKey(keySet.cardHash),
    host: args.text('host') ?? LOOPBACK,
    httpHost: args.text('http-host') ?? LOOPBACK,
    names: args.list('name'),
    uplinkPort: args.whole('port', UPLINK_PORT, 0, PORT_MAX),
    httpPort: args.whole('http-port', HTTP_PORT, 0, PORT_MAX),
    city: args.text('city') ?? 'faregate',
    currency: args.text('currency') ?? 'CNY',
    log,
    onFailure: failed,
  });
  // Before anybody hears that it serves, and may stop it.
  const stopped = untilStopped(io, args.flag('until-eof'));
  if (args.flag('json')) {
    io.out(JSON.stringify({ uplinkPort: engine.uplinkPort, http: engine.address }));
  } else {
    io.out(`gates: port ${engine.uplinkPort}; dashboard: ${engine.address}`);
  }
  // A store that failed must not be written again: the process ends and the next one reads it.
  await Promise.race([failure, stopped]);
  io.input.pause();
  await engine.stop();
  return 0;
}

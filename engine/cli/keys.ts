/**
 * `faregate-engine keys`: seal keys given in clear, and show what a key file holds without the
 * keys.
 */

import { toHex } from '../bytes.ts';
import { aesCheckValue } from '../crypto/aes.ts';
import type { KeySet } from '../crypto/key-set.ts';
import { Keyring, keyCheckValue } from '../crypto/keyring.ts';
import { FaregateError } from '../errors.ts';
import { importKeyFile } from '../operator/key-files.ts';
import type { Args, Command, Io, Option } from './command.ts';
import { keySetFrom, passphraseOptions } from './key-file.ts';

const passphraseOption: Option = {
  type: 'string',
  value: 'FILE',
  about: 'file with the passphrase; FAREGATE_PASSPHRASE goes before it, FILE.pass after it',
};

const jsonOption: Option = { type: 'boolean', about: 'one JSON object' };

export const keyCommands: readonly Command[] = [
  {
    name: 'keys import',
    about: 'Seals keys given in clear as JSON.',
    rest: 'FILE.json',
    options: {
      out: { type: 'string', value: 'FILE', required: true, about: 'the sealed key file' },
      'passphrase-file': passphraseOption,
      json: jsonOption,
    },
    run: importKeys,
  },
  {
    name: 'keys show',
    about: 'Shows indexes, versions and check values of a sealed key file.',
    options: {
      keys: { type: 'string', value: 'FILE', required: true, about: 'the sealed key file' },
      'passphrase-file': passphraseOption,
      json: jsonOption,
    },
    run: showKeys,
  },
];

async function importKeys(args: Args, io: Io): Promise<number> {
  const [from, ...more] = args.rest;
  if (from === undefined || more.length > 0) {
    throw new FaregateError('USAGE', 'keys import takes one FILE.json');
  }
  const out = args.need('out');
  const { set, passphraseFile } = await importKeyFile(from, out, passphraseOptions(args, io));
  if (passphraseFile !== null) {
    io.err(`No passphrase was given: a random one is in ${passphraseFile}.`);
    io.err('In production keep it elsewhere, and give it as FAREGATE_PASSPHRASE.');
  }
  report(out, set, args, io);
  return 0;
}

async function showKeys(args: Args, io: Io): Promise<number> {
  report(args.need('keys'), await keySetFrom(args, io), args, io);
  return 0;
}

function report(file: string, set: KeySet, args: Args, io: Io): void {
  const keys = new Keyring(set.keys).list().map((key) => ({
    use: key.use,
    index: key.index,
    version: key.version,
    algorithm: key.cipher.algorithm,
    checkValue: hex3(key.cipher.checkValue(key.schedule)),
    ...(key.issuer ? { issuer: toHex(key.issuer) } : {}),
  }));
  const desfire = set.aes.map(({ use, version, master, application }) => ({
    use,
    version,
    checkValue: hex3(aesCheckValue(master)),
    ...(application ? { application: toHex(application) } : {}),
  }));
  const cryptogram = set.cryptogram.map(({ prefix, index, algorithm, master }) => ({
    prefix,
    index,
    algorithm,
    checkValue: hex3(keyCheckValue(algorithm, master)),
  }));
  const cardHash = { checkValue: hex3(aesCheckValue(set.cardHash)) };
  if (args.flag('json')) {
    io.out(JSON.stringify({ file, keys, desfire, cryptogram, cardHash }));
    return;
  }
  io.out(file);
  io.out('use       index  version  algorithm  check value');
  for (const key of keys) {
    const numbers = `${String(key.index).padStart(5)}  ${String(key.version).padStart(7)}`;
    const of = key.issuer ? `       issuer ${key.issuer}` : '';
    io.out(`${key.use.padEnd(8)}  ${numbers}  ${key.algorithm.padEnd(9)}  ${key.checkValue}${of}`);
  }
  for (const { use, version, checkValue, application } of desfire) {
    const name = `desfire ${use}`.padEnd(22);
    const of = application ? `       application ${application}` : '';
    io.out(`${name} ${String(version).padStart(3)}  aes        ${checkValue}${of}`);
  }
  for (const { prefix, index, algorithm, checkValue } of cryptogram) {
    const name = `cryptogram ${prefix}`.padEnd(22);
    io.out(`${name} ${String(index).padStart(3)}  ${algorithm.padEnd(9)}  ${checkValue}`);
  }
  io.out(`cardHash                  aes        ${cardHash.checkValue}`);
}

function hex3(value: number): string {
  return value.toString(16).toUpperCase().padStart(6, '0');
}

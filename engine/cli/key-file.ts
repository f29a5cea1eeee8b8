/** The key file of `--keys`, and the passphrase that opens it. */
import type { KeySet } from '../crypto/key-set.ts';
import { loadKeyFile, type PassphraseOptions } from '../operator/key-files.ts';
import type { Args, Io } from './command.ts';

/** Of `--passphrase-file` and the environment. */
export function passphraseOptions(args: Args, io: Io): PassphraseOptions {
  const passphraseFile = args.text('passphrase-file');
  return { env: io.env, ...(passphraseFile === undefined ? {} : { passphraseFile }) };
}

/** @throws FaregateError KEYS_REFUSED, KEYS_INVALID, FILE_UNREADABLE, as `loadKeyFile`. */
export function keySetFrom(args: Args, io: Io): Promise<KeySet> {
  return loadKeyFile(args.need('keys'), passphraseOptions(args, io));
}

/**
 * Commands that make and tell a card's structure: CreateApplication CA, GetApplicationIDs 6A,
 * GetKeySettings 45, CreateValueFile CC, CreateCyclicRecordFile C0, CreateTransactionMACFile CE,
 * GetFileIDs 6F and GetFileSettings F5. In EV2 sessions all have a MAC; CE is encrypted, since it
 * carries a key.
 */
import { copyBytes } from '../../../bytes.ts';
import { take } from '../../apdu.ts';
import { malformed } from '../../status.ts';
import type { AesKeyRef, DesfireFault } from '../asks.ts';
import { type Channel, exchange, unprotected } from '../channel.ts';
import { exchangeFrames } from '../frames.ts';
import { type DesfireCommand, desfireCommand } from '../statuses.ts';
import type { IssuingDialogue } from './asks.ts';

const createApplication = desfireCommand('CreateApplication', 0xca);
const getApplicationIds = desfireCommand('GetApplicationIDs', 0x6a);
const getKeySettings = desfireCommand('GetKeySettings', 0x45);
const createTransactionMacFile = desfireCommand('CreateTransactionMACFile', 0xce);
const getFileIds = desfireCommand('GetFileIDs', 0x6f);
const getFileSettings = desfireCommand('GetFileSettings', 0xf5);

export const createValueFile: DesfireCommand = desfireCommand('CreateValueFile', 0xcc);
export const createRecordFile: DesfireCommand = desfireCommand('CreateCyclicRecordFile', 0xc0);

const AID_BYTES = 3;
/** KeySett2: the keys of the application are AES keys. */
const AES_KEYS = 0x80;

/**
 * Makes an application, all of whose keys are zeros.
 * @param aid 3 bytes as they are sent.
 * @param settings KeySett1.
 */
export function* createApplicationOf(
  channel: Channel,
  aid: Uint8Array,
  settings: number,
  keys: number,
): IssuingDialogue<null | DesfireFault> {
  copyBytes(aid, 0, channel.buffer, 5, AID_BYTES);
  channel.buffer[8] = settings;
  channel.buffer[9] = AES_KEYS | keys;
  const data = yield* exchange(channel, createApplication, 5, 0, 'mac', 0);
  return 'fault' in data ? data : null;
}

/** The applications of the card, 3 bytes each as they are sent. */
export function* readApplicationIds(
  channel: Channel,
): IssuingDialogue<Uint8Array[] | DesfireFault> {
  const data = yield* exchange(channel, getApplicationIds, 0, 0, 'mac', -1);
  if ('fault' in data) return data;
  if (data.length % AID_BYTES !== 0) {
    return malformed(getApplicationIds, `${data.length} bytes are no identifiers`);
  }
  return Array.from({ length: data.length / AID_BYTES }, (_, i) =>
    take(data, i * AID_BYTES, AID_BYTES),
  );
}

/** KeySett1 and KeySett2 of the selected application: 2 bytes, more where it has key sets. */
export function* readKeySettings(channel: Channel): IssuingDialogue<Uint8Array | DesfireFault> {
  return yield* exchange(channel, getKeySettings, 0, 0, 'mac', -1);
}

/** What `readKeySettings` tells of an application made by `createApplicationOf`. */
export function keySettingsOf(settings: number, keys: number): Uint8Array {
  return Uint8Array.of(settings, AES_KEYS | keys);
}

/** Makes a file. @param header all that the command carries. */
export function* createFile(
  channel: Channel,
  command: DesfireCommand,
  header: Uint8Array,
): IssuingDialogue<null | DesfireFault> {
  copyBytes(header, 0, channel.buffer, 5, header.length);
  const data = yield* exchange(channel, command, header.length, 0, 'mac', 0);
  return 'fault' in data ? data : null;
}

/**
 * Makes the transaction MAC file, with the key of its MACs; in an EV2 session.
 * @param header number, mode, access rights, type of the key.
 */
export function* createProofFile(
  channel: Channel,
  header: Uint8Array,
  key: AesKeyRef,
): IssuingDialogue<null | DesfireFault> {
  const { buffer, frameBytes } = channel;
  const command = createTransactionMacFile;
  copyBytes(header, 0, buffer, 5, header.length);
  const { ins } = command;
  const headerLength = header.length;
  const length = yield { ask: 'keyData', ins, key, bytes: buffer, at: 5, headerLength };
  if (typeof length === 'string') {
    channel.session = 'none';
    return { fault: 'keyUnknown', command: command.name };
  }
  const response = yield* exchangeFrames(command, buffer, length as number, frameBytes, null);
  if ('fault' in response) {
    channel.session = 'none';
    return response;
  }
  const plain = yield* unprotected(channel, command, response, 'full', 0);
  return 'fault' in plain ? plain : null;
}

/** Numbers of the files of the selected application. */
export function* readFileIds(channel: Channel): IssuingDialogue<Uint8Array | DesfireFault> {
  return yield* exchange(channel, getFileIds, 0, 0, 'mac', -1);
}

/** What GetFileSettings says of a file: type, mode, access rights, and what its type adds. */
export function* readFileSettings(
  channel: Channel,
  fileNumber: number,
): IssuingDialogue<Uint8Array | DesfireFault> {
  channel.buffer[5] = fileNumber;
  return yield* exchange(channel, getFileSettings, 1, 0, 'mac', -1);
}

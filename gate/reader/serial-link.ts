/**
 * A byte link over a serial device. The terminal layer of node reads and writes it, and `stty` of
 * the system sets its mode (8N1, raw, no flow control), so that no native package is needed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ReadStream } from 'node:tty';
import { FaregateError, systemCode, systemText } from '../../engine/errors.ts';
import type { ByteLink, ByteLinkSource, ByteListener } from './byte-link.ts';

export function serialLink(device: string, baud: number): ByteLinkSource {
  return { name: device, open: (listener) => openDevice(device, baud, listener) };
}

async function openDevice(device: string, baud: number, listener: ByteListener): Promise<ByteLink> {
  const file = await openFile(device);
  let stream: ReadStream;
  try {
    await setMode(file, device, baud);
    stream = new ReadStream(file.fd);
  } catch (cause) {
    await file.close();
    if (cause instanceof FaregateError) throw cause;
    const why = `${device} is no serial device: ${systemText(cause)}`;
    throw new FaregateError('READER_FAILED', why, { cause });
  }
  let over = false;
  const finish = (): boolean => {
    if (over) return false;
    over = true;
    stream.destroy();
    // Closing what has vanished may fail, and nothing is lost by it.
    void file.close().catch(() => {});
    return true;
  };
  const end = (why: string): void => {
    if (finish()) listener.onEnd(why);
  };
  stream.on('data', (chunk: Uint8Array) => listener.onBytes(chunk));
  stream.on('error', (error) => end(error.message));
  stream.on('end', () => end('the device has gone'));
  stream.on('close', () => end('the device is closed'));
  return { write: (bytes) => void stream.write(bytes), close: () => void finish() };
}

/** Not blocking: a device without carrier would keep the opening thread for good. */
async function openFile(device: string): Promise<FileHandle> {
  try {
    return await open(device, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new FaregateError('READER_FAILED', `${device}: ${systemText(cause)}`, { cause });
  }
}

/** stty works on its standard input, so the mode is set on the very device that was opened. */
async function setMode(file: FileHandle, device: string, baud: number): Promise<void> {
  const mode = ['raw', '-echo', 'cs8', '-parenb', '-cstopb', 'clocal', '-crtscts', '-hupcl'];
  const stty = spawn('stty', [`${baud}`, ...mode], { stdio: [file.fd, 'ignore', 'pipe'] });
  let said = '';
  stty.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  let code: unknown;
  try {
    [code] = await once(stty, 'close');
  } catch (cause) {
    const absent = systemCode(cause) === 'ENOENT';
    const why = absent ? 'stty is missing: install coreutils' : systemText(cause);
    throw new FaregateError('READER_FAILED', `${device}: ${why}`, { cause });
  }
  if (code !== 0) throw new FaregateError('READER_FAILED', `${device}: ${said.trim()}`);
}

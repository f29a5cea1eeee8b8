/** Byte links over sockets: TCP to a reader or a terminal server, and the local socket of pcscd. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { READER_CONNECT_MS_MAX } from '../../engine/durations.ts';
import { FaregateError, systemText } from '../../engine/errors.ts';
import type { ByteLink, ByteLinkSource, ByteListener } from './byte-link.ts';

export function tcpLink(host: string, port: number): ByteLinkSource {
  const name = `${host}:${port}`;
  return {
    name,
    open: (listener) => open(name, connect({ host, port, noDelay: true }), listener),
  };
}

export function localLink(path: string): ByteLinkSource {
  return { name: path, open: (listener) => open(path, connect({ path }), listener) };
}

async function open(name: string, socket: Socket, listener: ByteListener): Promise<ByteLink> {
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(READER_CONNECT_MS_MAX) });
  } catch (cause) {
    socket.on('error', () => {});
    socket.destroy();
    const late = cause instanceof Error && cause.name === 'AbortError';
    const why = late ? `no connection in ${READER_CONNECT_MS_MAX} ms` : systemText(cause);
    throw new FaregateError('READER_FAILED', `${name}: ${why}`, { cause });
  }
  let over = false;
  const end = (why: string): void => {
    if (over) return;
    over = true;
    socket.destroy();
    listener.onEnd(why);
  };
  socket.on('data', (chunk) => listener.onBytes(chunk));
  socket.on('error', (error) => end(error.message));
  socket.on('end', () => end('the other side ended the connection'));
  socket.on('close', () => end('the connection is closed'));
  return {
    write: (bytes) => void socket.write(bytes),
    close: () => {
      over = true;
      socket.destroy();
    },
  };
}

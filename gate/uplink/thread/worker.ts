/**
 * The uplinks' thread: TLS and sockets of all gates of a station, so that a handshake (some three
 * milliseconds of computing) and the encryption of a batch hold up no tap. It runs at a lower
 * priority than the taps.
 */
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { FaregateError } from '../../../engine/errors.ts';
import { UPLINK_HANDSHAKES_MAX, UPLINK_THREAD_NICE } from '../../../engine/limits.ts';
import { TransportInTurns } from '../handshakes.ts';
import { TlsTransport } from '../tls.ts';
import type { Link } from '../transport.ts';
import { StationTurns } from '../turns.ts';
import { type Call, ownBytes, type Reply } from './messages.ts';

const port = parentPort!;
const links = new Map<number, Link>();
const connecting = new Map<number, AbortController>();
const turns = new StationTurns(UPLINK_HANDSHAKES_MAX);

// On Linux this is the calling thread's own; elsewhere it would be the whole process's. A process
// that is not let, or is as nice already, does without.
if (process.platform === 'linux') {
  try {
    setPriority(UPLINK_THREAD_NICE);
  } catch {}
}

port.on('message', (call: Call) => {
  if (call.do === 'abort') connecting.get(call.link)?.abort();
  else if (call.do === 'close') close(call.link);
  else void answer(call);
});

function close(link: number): void {
  links.get(link)?.close();
  links.delete(link);
}

async function answer(call: Exclude<Call, { do: 'abort' | 'close' }>): Promise<void> {
  let reply: Reply = { call: call.call, message: null, error: null };
  try {
    const message = await perform(call);
    if (message) reply = { ...reply, message };
  } catch (error) {
    // Anything else is a mistake of ours, and ends the thread.
    if (!(error instanceof FaregateError)) throw error;
    reply = { ...reply, error: { code: error.code, message: error.message } };
  }
  port.postMessage(reply, reply.message ? [reply.message.buffer as ArrayBuffer] : []);
}

async function perform(call: Exclude<Call, { do: 'abort' | 'close' }>): Promise<Uint8Array | null> {
  if (call.do === 'connect') {
    await connect(call);
    return null;
  }
  const link = links.get(call.link);
  if (!link) {
    if (call.do === 'receive') return null;
    throw new FaregateError('UPLINK_FAILED', 'the connection is closed');
  }
  if (call.do === 'send') {
    await link.send(call.message);
    return null;
  }
  const message = await link.receive();
  return message && ownBytes(message);
}

async function connect({ link, options }: Extract<Call, { do: 'connect' }>): Promise<void> {
  const abort = new AbortController();
  connecting.set(link, abort);
  try {
    const transport = new TransportInTurns(new TlsTransport(options), turns);
    links.set(link, await transport.connect(abort.signal));
  } finally {
    connecting.delete(link);
  }
}

/** Card programs of the vpcd protocol that behave as a test wants. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { CONTACTLESS_ATR, FrameBuffer, frame } from '../../gate/reader/vpcd.ts';

const host = '127.0.0.1';

/** A card program that sends for each APDU the bytes that `answer` makes of it. */
export async function programOf(
  port: number,
  answer: (apdu: Uint8Array) => Uint8Array | null,
  atr: Uint8Array = frame(CONTACTLESS_ATR),
): Promise<Socket> {
  const frames = new FrameBuffer(300);
  const socket = connect({ host, port, noDelay: true });
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    frames.push(chunk);
    for (let body = frames.next(); body instanceof Uint8Array; body = frames.next()) {
      const bytes = body.length > 1 ? answer(body) : body[0] === 4 ? atr : null;
      if (bytes) socket.write(bytes);
    }
  });
  await once(socket, 'connect');
  return socket;
}

/** A card program that disconnects instead of answering the command after `commands`. */
export async function leavingCard(
  port: number,
  card: VirtualCard,
  commands: number,
): Promise<void> {
  let answered = 0;
  const socket = await programOf(port, (apdu) => {
    if (answered++ < commands) return frame(card.transmit(apdu));
    socket.destroy();
    return null;
  });
  if (!socket.closed) await once(socket, 'close');
}

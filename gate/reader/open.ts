/** Readers by the name a user gives their link. */
import { FaregateError } from '../../engine/errors.ts';
import type { Reader } from './reader.ts';
import { TcpListenReader } from './tcp.ts';

/** Links that `openReader` knows, with what they are. */
export const readerLinks: Readonly<Record<string, string>> = {
  'tcp-listen:PORT': 'waits on 127.0.0.1 for a card program that speaks the vpcd protocol',
};

const PORT_MAX = 65_535;

/**
 * Opens the reader of a link such as `tcp-listen:35963`.
 * @throws FaregateError USAGE for a link that is none; what the reader throws on opening.
 */
export async function openReader(link: string): Promise<Reader> {
  const [kind, rest = ''] = link.split(/:(.*)/s);
  const port = /^\d{1,5}$/.test(rest) ? Number(rest) : Number.NaN;
  if (kind === 'tcp-listen' && port <= PORT_MAX) return await TcpListenReader.listen({ port });
  const known = Object.entries(readerLinks).map(([name, about]) => `${name} (${about})`);
  throw new FaregateError('USAGE', `no reader link: ${link}; known: ${known.join(', ')}`);
}

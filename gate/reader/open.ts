/** Readers by the name a user gives their link (`docs/readers.md`). */
import { FaregateError } from '../../engine/errors.ts';
import { Acr122Channel } from './acr122-channel.ts';
import type { ByteLinkSource } from './byte-link.ts';
import type { ReaderOptions } from './connection.ts';
import { KernelReader } from './kernel/reader.ts';
import { LinkReader } from './link-reader.ts';
import { PcscFinder } from './pcsc-finder.ts';
import { PcscService } from './pcsc-service.ts';
import { Pn532 } from './pn532.ts';
import type { Pn532Channel } from './pn532-channel.ts';
import { Pn532Finder } from './pn532-finder.ts';
import { Pn532SerialChannel } from './pn532-serial.ts';
import type { Reader } from './reader.ts';
import { serialLink } from './serial-link.ts';
import { localLink, tcpLink } from './socket-link.ts';
import { TcpListenReader } from './tcp.ts';

/** Links that `openReader` knows, with what they are. */
export const readerLinks: Readonly<Record<string, string>> = {
  'tcp-listen:PORT': 'waits on 127.0.0.1 for a card program that speaks the vpcd protocol',
  'pcsc[:NAME]': 'the reader of pcscd with NAME in its name, or the only one',
  'pn532:DEVICE[@BAUD]': 'a PN532 on a serial device (115200 baud)',
  'pn532-tcp:HOST:PORT': 'a PN532 behind a terminal server',
  'acr122-serial:DEVICE[@BAUD]': 'an ACR122S or its kin on a serial device (115200 baud)',
  'acr122-tcp:HOST:PORT': 'the same behind a terminal server',
  'kernel-tcp:HOST:PORT': 'a reader with a certified kernel of its own (docs/kernel-reader.md)',
  'kernel-local:PATH': 'the same behind a local socket',
  'kernel-serial:DEVICE[@BAUD]': 'the same on a serial device (115200 baud)',
};

const PORT_MAX = 65_535;
const BAUD_DEFAULT = 115_200;
/** Where pcscd listens unless the variable of pcsc-lite names another place. */
const PCSC_SOCKET = '/run/pcscd/pcscd.comm';

type Opener = (link: string, rest: string, options: ReaderOptions) => Promise<Reader> | null;

/** Each gives null where what follows the colon is not what the link takes. */
const openers: Readonly<Record<string, Opener>> = {
  'tcp-listen': (_, rest) => {
    const port = portOf(rest);
    return port === null ? null : TcpListenReader.listen({ port });
  },
  pcsc: (link, rest, options) => pcsc(link, rest, options),
  pn532: (link, rest, options) => pn532(link, serialOf(rest), options),
  'pn532-tcp': (link, rest, options) => pn532(link, tcpOf(rest), options),
  'acr122-serial': (link, rest, options) => acr122(link, serialOf(rest), options),
  'acr122-tcp': (link, rest, options) => acr122(link, tcpOf(rest), options),
  'kernel-tcp': (link, rest, options) => kernel(link, tcpOf(rest), options),
  'kernel-local': (link, rest, options) => kernel(link, rest ? localLink(rest) : null, options),
  'kernel-serial': (link, rest, options) => kernel(link, serialOf(rest), options),
};

/** Whether a link begins as one of those above; what follows is looked at when it is opened. */
export function isReaderLink(link: string): boolean {
  return Object.hasOwn(openers, link.split(':')[0]!);
}

/**
 * Opens the reader of a link such as `tcp-listen:35963`. A reader that was there once is looked for
 * again when it vanishes; only its absence now is an error.
 * @throws FaregateError USAGE for a link that is none; what the reader throws on opening.
 */
export async function openReader(link: string, options: ReaderOptions = {}): Promise<Reader> {
  const [kind = '', rest = ''] = link.split(/:(.*)/s);
  const opener = Object.hasOwn(openers, kind) ? openers[kind] : undefined;
  const opening = opener?.(link, rest, options);
  if (opening) return await opening;
  const known = Object.entries(readerLinks).map(([name, about]) => `${name} (${about})`);
  throw new FaregateError('USAGE', `no reader link: ${link}; known: ${known.join(', ')}`);
}

function pcsc(link: string, wanted: string, options: ReaderOptions): Promise<Reader> {
  const socket = localLink(process.env.PCSCLITE_CSOCK_NAME ?? PCSC_SOCKET);
  const connect = () => PcscService.open(link, socket, wanted, options.answerMs);
  return LinkReader.open(link, connect, new PcscFinder(options.onNotice ?? silent), options);
}

function pn532(
  link: string,
  source: ByteLinkSource | null,
  options: ReaderOptions,
): Promise<Reader> | null {
  return (
    source && overChip(link, () => Pn532SerialChannel.open(link, source, options.ackMs), options)
  );
}

function acr122(
  link: string,
  source: ByteLinkSource | null,
  options: ReaderOptions,
): Promise<Reader> | null {
  return source && overChip(link, () => Acr122Channel.open(link, source, options.ackMs), options);
}

function kernel(
  link: string,
  source: ByteLinkSource | null,
  options: ReaderOptions,
): Promise<Reader> | null {
  if (source && !options.takesKernel) {
    throw new FaregateError(
      'USAGE',
      `${link}: a reader with a kernel is for gates in service alone`,
    );
  }
  return source && KernelReader.open(link, source, options);
}

function overChip(
  link: string,
  openChannel: () => Promise<Pn532Channel>,
  options: ReaderOptions,
): Promise<Reader> {
  const connect = async () => Pn532.start(link, await openChannel(), options.answerMs);
  return LinkReader.open(link, connect, new Pn532Finder(options.onNotice ?? silent), options);
}

function silent(): void {}

/** `DEVICE` or `DEVICE@BAUD`. */
function serialOf(rest: string): ByteLinkSource | null {
  const [, device, baud] = /^(.+?)(?:@(\d{4,7}))?$/s.exec(rest) ?? [];
  return device === undefined ? null : serialLink(device, Number(baud ?? BAUD_DEFAULT));
}

/** `HOST:PORT`; a host with colons stands in brackets. */
function tcpOf(rest: string): ByteLinkSource | null {
  const [, bracketed, plain, digits = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(.*)$/s.exec(rest) ?? [];
  const host = bracketed ?? plain;
  const port = portOf(digits);
  return host === undefined || !port ? null : tcpLink(host, port);
}

/** 0 to 65535, or null. */
function portOf(text: string): number | null {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return port <= PORT_MAX ? port : null;
}

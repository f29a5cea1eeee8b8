/** What commands that take one card have in common: which reader, and how long to wait. */
import type { Args, Io, Option } from '../../engine/cli/command.ts';
import { openReader, readerLinks } from '../reader/open.ts';
import { noticeText, type Reader, type ReaderNotice } from '../reader/reader.ts';

const WAIT_S_MAX = 86_400;

export const readerOption: Option = {
  type: 'string',
  value: 'LINK',
  required: true,
  about: Object.keys(readerLinks).join(', '),
};

export const waitOption: Option = {
  type: 'string',
  value: 'S',
  about: 'seconds to wait for a card (default 60)',
};

/** Seconds of `--wait`. @throws FaregateError USAGE */
export function waitOf(args: Args): number {
  return args.whole('wait', 60, 1, WAIT_S_MAX);
}

/** The reader of `--reader`; what it notices goes to standard error. @throws as `openReader` */
export async function openWaiting(args: Args, io: Io): Promise<Reader> {
  const link = args.need('reader');
  const onNotice = (notice: ReaderNotice) => io.err(`${link}: ${noticeText(notice)}`);
  const reader = await openReader(link, { onNotice });
  io.err(`${reader.name}: waiting for a card`);
  return reader;
}

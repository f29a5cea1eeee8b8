/** Readers opened on simulated devices, for the suites. */
import { openReader } from '../../gate/reader/open.ts';
import type { ReaderNotice } from '../../gate/reader/reader.ts';
import { readerSuite } from '../suites/reader.ts';
import { type FaultyReader, readerFaultSuite } from '../suites/reader-faults.ts';
import type { Plug } from './device-hosts.ts';
import { Acr122Device, type Device, Pn532Device } from './reader-devices.ts';

const quick = { pauseMsMin: 5, pauseMsMax: 40 };
/** Where no test waits for silence: no busy machine may take as long. */
const ANSWER_MS = 60_000;
/** What an ACR122 passes on of one answer, so that its status word fits beside it. */
const ACR122_PIECE_BYTES = 250;

/** Runs both suites over a PN532 and over an ACR122, named by their links, plugged in by `plug`. */
export function deviceSuites(
  links: { readonly pn532: string; readonly acr122: string },
  plug: (device: Device) => Promise<Plug>,
): void {
  suites(links.pn532, () => new Pn532Device(), plug, false);
  suites(links.acr122, () => new Acr122Device(ACR122_PIECE_BYTES), plug, true);
}

function suites(
  kind: string,
  make: () => Device,
  plugIn: (device: Device) => Promise<Plug>,
  refusesDamaged: boolean,
): void {
  readerSuite(kind, async () => {
    const { reader, device, end } = await open(kind, make(), plugIn, ANSWER_MS);
    const close = reader.close.bind(reader);
    reader.close = async () => {
      await close();
      await end();
    };
    return { reader, present: (card, commands) => device.field.present(card, { commands }) };
  });
  readerFaultSuite(kind, refusesDamaged, (silenceMs) => open(kind, make(), plugIn, silenceMs));
}

async function open(
  kind: string,
  device: Device,
  plugIn: (device: Device) => Promise<Plug>,
  silenceMs: number,
): Promise<FaultyReader> {
  const plug = await plugIn(device);
  const notices: ReaderNotice[] = [];
  const onNotice = (notice: ReaderNotice) => void notices.push(notice);
  const reader = await openReader(`${kind}:${plug.address}`, {
    ...quick,
    answerMs: silenceMs,
    ackMs: silenceMs,
    onNotice,
  });
  return {
    reader,
    notices,
    device,
    unplug: () => plug.unplug(),
    replug: () => plug.replug(),
    end: () => plug.end(),
  };
}

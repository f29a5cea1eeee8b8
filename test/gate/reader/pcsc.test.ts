/** PC/SC: the suite of readers over Debian's pcscd and its virtual reader, and what goes wrong. */
import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromHex, toHex } from '../../../engine/bytes.ts';
import { openReader } from '../../../gate/reader/open.ts';
import { PcscService } from '../../../gate/reader/pcsc-service.ts';
import type { CardSession, ReaderNotice } from '../../../gate/reader/reader.ts';
import { localLink } from '../../../gate/reader/socket-link.ts';
import { serveVirtualCard } from '../../../gate/reader/virtual/program.ts';
import { frame } from '../../../gate/reader/vpcd.ts';
import { leavingCard, programOf } from '../../kit/card-programs.ts';
import { noPcscd, Pcscd, slotPorts } from '../../kit/pcscd.ts';
import { readerSuite } from '../../suites/reader.ts';
import { cardOf } from './virtual/terminal.ts';

const host = '127.0.0.1';
const [port, otherPort] = slotPorts;
const link = 'pcsc:Virtual PCD 00 00';
/** How long an answer may take, where a test waits for none. */
const SILENCE_MS = 1000;
/** The cards answer in this process: no busy machine may take as long. */
const quick = { pauseMsMin: 20, pauseMsMax: 100, answerMs: 60_000 };
const select = fromHex('00A4040008A00000063201010500');
const balance = fromHex('805C000204');

if (noPcscd) test('readers of PC/SC', { skip: noPcscd }, () => {});
else pcscTests();

function pcscTests(): void {
  const pcscd = new Pcscd();
  before(() => pcscd.start());
  after(() => pcscd.end());

  readerSuite('pcsc', async () => ({
    reader: await openReader(link, quick),
    present: async (card, commands) => {
      if (commands === undefined) await serveVirtualCard({ host, port, card, once: true });
      else await leavingCard(port, card, commands);
      await emptied();
    },
  }));

  test('pcsc: the longest command and answer; one that is too short is none', async () => {
    const answers = [`${'5A'.repeat(256)}9000`, '9000', '90'];
    const sent: string[] = [];
    await cardAt(port, (apdu) => {
      sent.push(toHex(apdu));
      return fromHex(answers.shift()!);
    });
    await withReader(async (_, next) => {
      const session = await next();
      const apdu = new Uint8Array(261).fill(0x11);
      assert.equal(toHex((await session.transceive(apdu))!), `${'5A'.repeat(256)}9000`);
      assert.equal(sent[0], toHex(apdu));
      assert.equal(toHex((await session.transceive(select))!), '9000');
      assert.equal(await session.transceive(select), null);
    });
  });

  test('pcsc: a card that stays is taken once, and again when it has left and come', async () => {
    await withReader(async (_, next) => {
      const staying = await cardAt(port, () => fromHex('9000'));
      const session = await next();
      assert.equal(toHex((await session.transceive(select))!), '9000');
      await session.release();
      let taken = false;
      const later = next().then((taking) => {
        taken = true;
        return taking;
      });
      await sleep(900);
      assert.equal(taken, false);
      staying.destroy();
      await emptied();
      await cardAt(port, () => fromHex('6A82'));
      assert.equal(toHex((await (await later).transceive(select))!), '6A82');
    });
  });

  test('pcsc: a card torn away is served when it is back before pcscd has looked', async () => {
    await withReader(async (notices, next) => {
      const card = cardOf({ balanceMinor: 300 });
      void leavingCard(port, card, 1);
      const session = await next();
      assert.notEqual(await session.transceive(select), null);
      assert.equal(await session.transceive(select), null);
      void serveVirtualCard({ host, port, card, once: true });
      const again = await next();
      assert.equal(toHex((await again.transceive(select))!.subarray(-2)), '9000');
      assert.equal(toHex((await again.transceive(balance))!), '0000012C9000');
      assert.deepEqual(notices, []);
    });
  });

  test('pcsc: a card that does not come alive is told, and the next is served', async () => {
    await withReader(async (notices, next) => {
      const dead = await cardAt(port, () => fromHex('9000'), frame(fromHex('FF')));
      const later = next();
      while (notices.length === 0) await sleep(20);
      dead.destroy();
      await emptied();
      await cardAt(port, () => fromHex('9000'));
      assert.equal(toHex((await (await later).transceive(select))!), '9000');
      assert.deepEqual(notices, [{ notice: 'unreadable' }]);
    });
  });

  test('pcsc: a card that falls silent: null in time, and the next is served', async () => {
    const body: Body = async (notices, next) => {
      const silent = await cardAt(port, () => null);
      const session = await next();
      assert.equal(await session.transceive(select), null);
      silent.destroy();
      await emptied();
      await cardAt(port, () => fromHex('9000'));
      const second = await next();
      assert.equal(toHex((await second.transceive(select))!), '9000');
      // The service cannot be asked to give up a card: only when it has may another be served.
      assert.deepEqual(
        notices.map((each) => each.notice),
        ['away', 'back'],
      );
    };
    await withReader(body, SILENCE_MS);
  });

  test('pcsc: a service that stops is away, and a reader that is missing too, until back', async () => {
    await withReader(async (notices, next) => {
      void serveVirtualCard({ host, port, card: cardOf(), once: true }).catch(() => {});
      const session = await next();
      assert.equal(toHex((await session.transceive(select))!.subarray(-2)), '9000');
      await pcscd.stop();
      assert.equal(await session.transceive(select), null);
      const later = next();
      while (notices.length === 0) await sleep(20);
      await pcscd.start(false);
      await sleep(300);
      assert.equal(notices.length, 1);
      await pcscd.stop();
      await pcscd.start();
      const served = serveVirtualCard({ host, port, card: cardOf(), once: true });
      const second = await later;
      assert.equal(toHex((await second.transceive(select))!.subarray(-2)), '9000');
      await second.release();
      await served;
      assert.deepEqual(
        notices.map((each) => each.notice),
        ['away', 'back'],
      );
    });
  });

  test('pcsc: two readers at once, each with its own cards', async () => {
    const [one, two] = await Promise.all([
      openReader(link, quick),
      openReader('pcsc:00 01', quick),
    ]);
    await cardAt(port, () => fromHex('AA9000'));
    await cardAt(otherPort, () => fromHex('BB9000'));
    const cards = [one, two].map((reader) => reader.cards()[Symbol.asyncIterator]());
    const answers = cards.map(async (each) => {
      const { value } = await each.next();
      return toHex((await value!.transceive(select))!);
    });
    assert.deepEqual(await Promise.all(answers), ['AA9000', 'BB9000']);
    await Promise.all([one.close(), two.close()]);
    await Promise.all([endPrograms(), emptied('00 01')]);
  });

  test('pcsc: a reader that is not there, or not the only one, is named with those there are', async () => {
    for (const [wanted, asked] of [
      ['pcsc', 'one reader'],
      ['pcsc:Virtual', 'one reader named Virtual'],
      ['pcsc:ACR', 'one reader named ACR'],
    ] as const) {
      await assert.rejects(openReader(wanted), {
        code: 'READER_FAILED',
        message: `${wanted}: pcscd has not ${asked}; it has Virtual PCD 00 00, Virtual PCD 00 01`,
      });
    }
  });

  /** Waits until pcscd has seen the card leave, for which it looks every 400 ms. */
  async function emptied(slot = '00 00'): Promise<void> {
    const service = await PcscService.open('test', localLink('/run/pcscd/pcscd.comm'), slot);
    while ((await service.state()).present) await sleep(20);
    service.close();
    // It may have met the absence in a command, and not counted it yet.
    await sleep(420);
  }

  const programs: Socket[] = [];

  /** A card program that answers APDUs, until the test ends. */
  async function cardAt(
    at: number,
    answer: (apdu: Uint8Array) => Uint8Array | null,
    atr?: Uint8Array,
  ): Promise<Socket> {
    const framed = (apdu: Uint8Array): Uint8Array | null => {
      const response = answer(apdu);
      return response && frame(response);
    };
    const socket = await programOf(at, framed, atr);
    programs.push(socket);
    return socket;
  }

  async function endPrograms(): Promise<void> {
    for (const socket of programs.splice(0)) socket.destroy();
    await emptied();
  }

  type Body = (notices: ReaderNotice[], next: () => Promise<CardSession>) => Promise<void>;

  async function withReader(body: Body, answerMs: number = quick.answerMs): Promise<void> {
    const notices: ReaderNotice[] = [];
    const onNotice = (notice: ReaderNotice) => void notices.push(notice);
    const reader = await openReader(link, { ...quick, answerMs, onNotice });
    const cards = reader.cards()[Symbol.asyncIterator]();
    try {
      await body(notices, async () => {
        const { value, done } = await cards.next();
        assert(!done && value);
        return value;
      });
    } finally {
      await reader.close();
      await endPrograms();
    }
  }
}

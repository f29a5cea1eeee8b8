/**
 * One suite for every link to a reader device: what the device, the line and the riders can do
 * wrong, what comes of it, and that the gate carries on with the next card.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromHex, toHex } from '../../engine/bytes.ts';
import type { CardSession, Reader, ReaderNotice } from '../../gate/reader/reader.ts';
import { cardOf } from '../gate/reader/virtual/terminal.ts';
import {
  type Device,
  type Fault,
  InDataExchange,
  InListPassiveTarget,
  looked,
} from '../kit/reader-devices.ts';
import type { FieldCard } from '../kit/rf-field.ts';

export interface FaultyReader {
  readonly reader: Reader;
  /** What the reader has said so far. */
  readonly notices: ReaderNotice[];
  readonly device: Device;
  unplug(): Promise<void>;
  replug(): Promise<void>;
  end(): Promise<void>;
}

const select = fromHex('00A4040008A00000063201010500');
const balance = fromHex('805C000204');
const RfConfiguration = 0x32;

/** A card that keeps what it was sent, and answers with bytes it was given. */
class ScriptedCard implements FieldCard {
  readonly uid: Uint8Array;
  readonly received: string[] = [];
  readonly #answer: (apdu: Uint8Array) => Uint8Array;

  constructor(uid: string, answer: (apdu: Uint8Array) => Uint8Array = () => fromHex('9000')) {
    this.uid = fromHex(uid);
    this.#answer = answer;
  }

  transmit(apdu: Uint8Array): Uint8Array {
    this.received.push(toHex(apdu));
    return this.#answer(apdu);
  }

  power(): void {}
}

/** How long acknowledgement and answer may take, where a test waits for none. */
const SILENCE_MS = 1000;
/** Where one must come: no busy machine may take as long. */
const ANSWER_MS = 60_000;

/** @param silenceMs how long acknowledgement and answer may take */
type Open = (silenceMs: number) => Promise<FaultyReader>;

type Body = (link: FaultyReader, next: () => Promise<CardSession>) => Promise<void>;

/** Runs a body over an open reader whose cards come from one iterator; then ends all of it. */
async function withReader(open: Open, body: Body, silenceMs: number = ANSWER_MS): Promise<void> {
  const link = await open(silenceMs);
  const cards = link.reader.cards()[Symbol.asyncIterator]();
  try {
    await body(link, async () => {
      const { value, done } = await cards.next();
      assert(!done && value);
      return value;
    });
  } finally {
    await link.reader.close();
    await link.end();
  }
}

/** Answers come through although the fault met a command that reads and writes nothing. */
const healed: Fault[] = [
  'acknowledgement lost',
  'acknowledgement garbled',
  'answer damaged',
  'answer length damaged',
  'answer cut off',
  'answer of another command first',
  'noise before the answer',
  'noise instead of the answer',
  'answer in single bytes',
];

/** No answer comes, and the card is not asked twice. */
const fatal: Fault[] = ['command lost', 'no answer', 'answer refused', 'answer empty'];

/** @param refusesDamaged whether the device says so when a command arrives damaged */
export function readerFaultSuite(name: string, refusesDamaged: boolean, open: Open): void {
  test(`${name}: a damaged command is ${refusesDamaged ? 'sent again' : 'given up'}`, async () => {
    const body: Body = async ({ device }, next) => {
      const card = new ScriptedCard('04010203040506');
      void device.field.present(card);
      device.plan(InDataExchange, 'command damaged', 'command damaged');
      const session = await next();
      const answer = await session.transceive(select);
      assert.equal(answer && toHex(answer), refusesDamaged ? '9000' : null);
      assert.equal(card.received.length, refusesDamaged ? 1 : 0);
    };
    await withReader(open, body, refusesDamaged ? ANSWER_MS : SILENCE_MS);
  });

  for (const fault of healed) {
    test(`${name}: ${fault}: the answer comes, and the card was asked once`, async () => {
      await withReader(open, async ({ device }, next) => {
        const card = new ScriptedCard('04010203040506', () => fromHex('AABBCC9000'));
        device.plan(InDataExchange, fault);
        void device.field.present(card);
        const session = await next();
        assert.equal(toHex((await session.transceive(select))!), 'AABBCC9000');
        assert.equal(toHex((await session.transceive(balance))!), 'AABBCC9000');
        assert.deepEqual(card.received, [toHex(select), toHex(balance)]);
      });
    });
  }

  for (const fault of fatal) {
    test(`${name}: ${fault}: null, asked at most once, and the card may tap again`, async () => {
      await withReader(
        open,
        async ({ device, notices }, next) => {
          const card = new ScriptedCard('04010203040506');
          device.plan(InDataExchange, fault);
          void device.field.present(card, { stays: true });
          const session = await next();
          assert.equal(await session.transceive(select), null);
          assert.equal(await session.transceive(select), null);
          assert(card.received.length <= 1);
          const again = await next();
          assert.equal(toHex((await again.transceive(balance))!), '9000');
          assert.deepEqual(notices, []);
        },
        SILENCE_MS,
      );
    });
  }

  test(`${name}: a command of the reader's own is sent again when it was lost`, async () => {
    const body: Body = async ({ device, notices }, next) => {
      device.plan(InListPassiveTarget, 'command lost', 'command damaged', 'answer damaged');
      device.plan(RfConfiguration, 'command damaged', 'acknowledgement lost', 'answer cut off');
      for (const fill of ['01', '02']) {
        void device.field.present(new ScriptedCard(fill.repeat(7)));
        const session = await next();
        assert.equal(toHex((await session.transceive(select))!), '9000');
      }
      assert.deepEqual(notices, []);
    };
    await withReader(open, body, SILENCE_MS);
  });

  test(`${name}: a reader that stops answering is away, then back with the next card`, async () => {
    const body: Body = async ({ device, notices }, next) => {
      void device.field.present(new ScriptedCard('04010203040506'), { stays: true });
      const session = await next();
      device.deaf = true;
      assert.equal(await session.transceive(select), null);
      const later = next();
      while (notices.length === 0) await sleep(5);
      device.deaf = false;
      device.reset();
      assert.equal(toHex((await (await later).transceive(select))!), '9000');
      assert.deepEqual(
        notices.map((each) => each.notice),
        ['away', 'back'],
      );
    };
    await withReader(open, body, SILENCE_MS);
  });

  test(`${name}: a reader that vanishes in a tap is away, then back with the next card`, async () => {
    await withReader(open, async ({ device, notices, unplug, replug }, next) => {
      void device.field.present(new ScriptedCard('04010203040506'), { stays: true });
      const session = await next();
      assert.equal(toHex((await session.transceive(select))!), '9000');
      await unplug();
      assert.equal(await session.transceive(select), null);
      const later = next();
      while (notices.length === 0) await sleep(5);
      device.field.clear();
      await replug();
      void device.field.present(new ScriptedCard('04010203040507'));
      assert.equal(toHex((await later).uid), '04010203040507');
      assert.equal(toHex((await (await later).transceive(select))!), '9000');
      assert.deepEqual(
        notices.map((each) => each.notice),
        ['away', 'back'],
      );
    });
  });

  test(`${name}: a reader that vanishes while it waits comes back too`, async () => {
    await withReader(open, async ({ device, notices, unplug, replug }, next) => {
      const later = next();
      for (let round = 1; round <= 2; round++) {
        await unplug();
        while (notices.length < 2 * round - 1) await sleep(5);
        await replug();
        while (notices.length < 2 * round) await sleep(5);
      }
      void device.field.present(new ScriptedCard('04010203040506'));
      assert.equal(toHex((await (await later).transceive(select))!), '9000');
    });
  });

  test(`${name}: closing ends the search for a reader that has vanished`, async () => {
    const { reader, unplug, end } = await open(ANSWER_MS);
    const next = reader.cards()[Symbol.asyncIterator]().next();
    await unplug();
    await sleep(20);
    await reader.close();
    assert.equal((await next).done, true);
    await end();
  });

  test(`${name}: two cards at once are refused until the field has been empty`, async () => {
    await withReader(open, async ({ device, notices }, next) => {
      const { field } = device;
      const one = new ScriptedCard('04010203040506');
      const two = new ScriptedCard('04010203040507');
      void field.present(one);
      void field.present(two);
      const later = next();
      while (notices.length === 0) await sleep(5);
      field.clear();
      void field.present(one);
      await looked(device);
      field.clear();
      await looked(device);
      void field.present(two);
      assert.equal(toHex((await later).uid), toHex(two.uid));
      assert.equal(toHex((await (await later).transceive(select))!), '9000');
      assert.deepEqual(notices, [{ notice: 'severalCards' }]);
      assert.deepEqual(one.received, []);
    });
  });

  test(`${name}: a card without ISO 14443-4 is told once, and the next card is served`, async () => {
    await withReader(open, async ({ device, notices }, next) => {
      const later = next();
      void device.field.present(new ScriptedCard('01020304'), { mute: true });
      while (notices.length === 0) await sleep(5);
      await looked(device);
      device.field.clear();
      await looked(device);
      void device.field.present(new ScriptedCard('04010203040506'));
      assert.equal(toHex((await (await later).transceive(select))!), '9000');
      assert.deepEqual(notices, [{ notice: 'unreadable' }]);
    });
  });

  test(`${name}: a card that leaves before its first command: null, and the next is served`, async () => {
    await withReader(open, async ({ device }, next) => {
      void device.field.present(new ScriptedCard('04010203040506'));
      const session = await next();
      device.field.clear();
      assert.equal(await session.transceive(select), null);
      void device.field.present(new ScriptedCard('04010203040507'));
      const second = await next();
      assert.equal(toHex(second.uid), '04010203040507');
      assert.equal(toHex((await second.transceive(select))!), '9000');
    });
  });

  test(`${name}: a card pulled away in a tap may come back at once`, async () => {
    await withReader(open, async ({ device }, next) => {
      const card = cardOf({ balanceMinor: 300 });
      void device.field.present(card, { commands: 1 });
      const session = await next();
      assert.notEqual(await session.transceive(select), null);
      assert.equal(await session.transceive(balance), null);
      void device.field.present(card);
      const again = await next();
      await again.transceive(select);
      assert.equal(toHex((await again.transceive(balance))!), '0000012C9000');
    });
  });

  test(`${name}: a card that stays, even with a random UID, is taken once; another is taken`, async () => {
    await withReader(open, async ({ device }, next) => {
      const { field } = device;
      for (const uid of ['04010203040506', '08112233']) {
        const staying = new ScriptedCard(uid);
        void field.present(staying, { stays: true });
        const session = await next();
        await session.transceive(select);
        const later = next();
        await looked(device);
        assert.equal(staying.received.length, 1);
        field.clear();
        if (uid.startsWith('08')) await looked(device);
        const another = new ScriptedCard('04AABBCCDDEEFF');
        void field.present(another);
        const second = await later;
        assert.equal(toHex(second.uid), toHex(another.uid));
        await second.transceive(select);
        await second.release();
      }
    });
  });

  test(`${name}: the longest command and the longest answer come through whole`, async () => {
    await withReader(open, async ({ device }, next) => {
      const apdu = Uint8Array.from({ length: 261 }, (_, i) =>
        i < 5 ? [0, 0xd6, 0, 0, 255][i]! : i,
      );
      const answer = Uint8Array.from({ length: 258 }, (_, i) => (i * 7) & 0xff);
      const card = new ScriptedCard('04010203040506', () => answer);
      void device.field.present(card);
      const session = await next();
      for (const length of [261, 253, 252, 5, 261]) {
        const sent = apdu.subarray(0, length);
        assert.equal(toHex((await session.transceive(sent))!), toHex(answer));
        assert.equal(card.received.at(-1), toHex(sent));
      }
    });
  });

  test(`${name}: an answer over 258 bytes or under 2 is no answer`, async () => {
    await withReader(open, async ({ device }, next) => {
      for (const length of [259, 600, 1, 0]) {
        const card = new ScriptedCard(
          `0401020304${toHex(Uint8Array.of(length >> 8, length))}`,
          () => {
            return new Uint8Array(length);
          },
        );
        void device.field.present(card);
        const session = await next();
        assert.equal(await session.transceive(select), null);
        device.field.clear();
      }
    });
  });
}

/** One suite for every reader: cards come, exchange commands, leave; closing ends the iteration. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromHex, toHex } from '../../engine/bytes.ts';
import type { CardSession, Reader } from '../../gate/reader/reader.ts';
import type { VirtualCard } from '../../gate/reader/virtual/card.ts';
import { cardOf } from '../gate/reader/virtual/terminal.ts';

/** A reader and a way to hold virtual cards to it. */
export interface ReaderUnderTest {
  readonly reader: Reader;
  /**
   * Holds a card to the reader until its session is released, or until it has answered `commands`
   * commands and is pulled away when the next one comes.
   */
  readonly present: (card: VirtualCard, commands?: number) => Promise<void>;
}

const select = fromHex('00A4040008A00000063201010500');
const balance = fromHex('805C000204');

export function readerSuite(name: string, open: () => Promise<ReaderUnderTest>): void {
  test(`${name}: a card comes, answers and is released`, async () => {
    const { reader, present } = await open();
    const left = present(cardOf({ balanceMinor: 300 }));
    const session = await nextCard(reader);
    assert.equal(status(await session.transceive(select)), '9000');
    const answer = await session.transceive(balance);
    assert.equal(toHex(answer!), '0000012C9000');
    await session.release();
    assert.equal(await session.transceive(balance), null);
    await left;
    await reader.close();
  });

  test(`${name}: status words of refusal come through as they are`, async () => {
    const { reader, present } = await open();
    const left = present(cardOf());
    const session = await nextCard(reader);
    assert.equal(toHex((await session.transceive(balance))!), '6985');
    assert.equal(toHex((await session.transceive(fromHex('00440000')))!), '6D00');
    await session.release();
    await left;
    await reader.close();
  });

  test(`${name}: a card pulled away answers null, then and ever after`, async () => {
    const { reader, present } = await open();
    const left = present(cardOf(), 1);
    const session = await nextCard(reader);
    assert.equal(status(await session.transceive(select)), '9000');
    assert.equal(await session.transceive(balance), null);
    assert.equal(await session.transceive(select), null);
    await session.release();
    await left;
    await reader.close();
  });

  test(`${name}: cards come one after the other, each from its first command`, async () => {
    const { reader, present } = await open();
    const seen: string[] = [];
    const presented = (async () => {
      for (const balanceMinor of [1, 2, 3]) {
        const cardNumber = fromHex(`0310487012345678900${balanceMinor}`);
        await present(cardOf({ balanceMinor, cardNumber }));
      }
      await reader.close();
    })();
    for await (const session of reader.cards()) {
      assert.equal(toHex((await session.transceive(balance))!), '6985');
      await session.transceive(select);
      seen.push(toHex((await session.transceive(balance))!));
      await session.release();
    }
    await presented;
    assert.deepEqual(seen, ['000000019000', '000000029000', '000000039000']);
  });

  test(`${name}: a session that is not released ends with the loop's turn`, async () => {
    const { reader, present } = await open();
    const left = present(cardOf());
    for await (const session of reader.cards()) {
      await session.transceive(select);
      break;
    }
    await left;
    await reader.close();
  });

  test(`${name}: closing ends the wait for a card`, async () => {
    const { reader } = await open();
    const cards = reader.cards()[Symbol.asyncIterator]();
    const next = cards.next();
    await reader.close();
    assert.equal((await next).done, true);
    await reader.close();
  });

  test(`${name}: closing takes the card in the field away`, async () => {
    const { reader, present } = await open();
    const left = present(cardOf());
    const session = await nextCard(reader);
    await session.transceive(select);
    await reader.close();
    assert.equal(await session.transceive(balance), null);
    await left;
  });
}

async function nextCard(reader: Reader): Promise<CardSession> {
  const { value, done } = await reader.cards()[Symbol.asyncIterator]().next();
  assert(!done && value);
  return value;
}

function status(response: Uint8Array | null): string {
  assert(response);
  return toHex(response.subarray(-2));
}

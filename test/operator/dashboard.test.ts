/**
 * The dashboard in a real browser: right numbers, no errors, nothing out of the frame, not blank.
 */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Browser, chromium, type Page } from 'playwright-core';
import { createHttp } from '../../engine/operator/http.ts';
import { Fixture, livelyFixture } from './dashboard-fixture.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
// On the build server the browser is there; a missing one must fail, not skip.
const skip =
  existsSync(CHROMIUM) || process.env.CI === 'true' ? false : `no browser at ${CHROMIUM}`;
const log = { error: (fields: object) => assert.fail(JSON.stringify(fields)) };
const whole = new Intl.NumberFormat('en');

let browser: Browser;

before(async () => {
  if (skip === false) browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
});

after(async () => {
  if (skip === false) await browser.close();
});

/** Opens the page and collects whatever it complains about. */
async function open(url: string, width: number) {
  const page = await browser.newPage({ viewport: { width, height: 844 } });
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.goto(url);
  await page.waitForSelector('#gates .gate');
  return { page, complaints };
}

async function serve(fixture: Fixture, port = 0) {
  const http = createHttp({ view: fixture, log });
  const url = await http.listen('127.0.0.1', port);
  return { url, close: () => http.close() };
}

const texts = (page: Page, selector: string) => page.locator(selector).allTextContents();
const text = async (page: Page, selector: string) => (await texts(page, selector)).join('|');

test('it shows what the engine knows, and follows it', { skip }, async () => {
  const fixture = livelyFixture();
  const server = await serve(fixture);
  const { page, complaints } = await open(server.url, 1280);
  const state = fixture.state();
  assert.equal(await text(page, '#city'), 'Beijing');
  assert.equal(await text(page, '#rate'), state.rate.tapsPerSecond.toFixed(1));
  assert.equal(await text(page, '#total-taps'), whole.format(state.totals.taps));
  assert.equal(await text(page, '#total-posted'), whole.format(state.totals.posted));
  const { received } = state.totals;
  assert.match(await text(page, '#totals'), new RegExp(`of ${whole.format(received)} in`));
  assert.equal(await text(page, '#total-backlog'), whole.format(state.totals.backlog));
  assert.equal(await text(page, '#total-exceptions'), '3');
  assert.equal(await text(page, '#connected'), '15 of 16');
  assert.match(await text(page, '#verdict'), /100 % under the 300 ms promise, bank cards 500 ms/);
  assert.match(await text(page, '#bank-times'), new RegExp(`${state.bankTapMs.p999} ms`));
  assert.match(await text(page, '#tap-times'), new RegExp(`${state.tapMs.p999} ms`));
  assert.equal(await page.locator('#gates .gate').count(), 16);
  const held = state.gates.find(({ gateId }) => gateId === 'G14')!.backlog;
  assert.ok(held > 20);
  assert.match(await text(page, '[data-gate=G14]'), new RegExp(`offline.*Guomao.*${held} held`));
  assert.match((await texts(page, '#denials li'))[0]!, /^Balance too low\d+$/);
  assert.match(await text(page, '#accounts'), /Operator receivable/);
  assert.match(await text(page, '#gates-note'), /records held$/);
  assert.match(await text(page, '#sums'), /✓ Sums to zero0\.00 CNY/);
  const found = await texts(page, '#exceptions li');
  assert.equal(found.length, 3);
  assert.match(found[0]!, /Balance break.*G07.*4\.00 CNY/);
  assert.equal(await page.locator('#latency-chart .bar').count(), bars(fixture));

  fixture.advance(3);
  fixture.exception('counterGap', 'G01', '<b id="injected">no markup</b>');
  const wanted = whole.format(fixture.state().totals.taps);
  await page.locator('#total-taps', { hasText: wanted }).waitFor();
  assert.equal(await page.locator('#injected').count(), 0);
  assert.match(await text(page, '#exceptions'), /<b id="injected">no markup/);
  assert.deepEqual(complaints, []);
  await page.close();
  await server.close();
});

function bars(fixture: Fixture): number {
  return fixture.state().tapMs.buckets.filter(({ taps }) => taps > 0).length;
}

test('it says so when the engine is gone, and recovers', { skip }, async () => {
  const fixture = livelyFixture();
  const first = await serve(fixture);
  const { page } = await open(first.url, 1280);
  assert.equal(await page.locator('#lost').isVisible(), false);
  await first.close();
  await page.locator('#lost', { hasText: 'The engine does not answer' }).waitFor();
  assert.equal(await text(page, '#live-text'), 'No connection');
  assert.match(await text(page, '#total-taps'), /\d/, 'the last known state stays');
  const second = await serve(fixture, Number(new URL(first.url).port));
  await page.locator('#lost').waitFor({ state: 'hidden' });
  assert.match(await text(page, '#live-text'), /^Live/);
  await page.close();
  await second.close();
});

test('books that do not balance, and slow taps, are not dressed up', { skip }, async () => {
  const fixture = livelyFixture();
  const bent = {
    exceptions: fixture.exceptions.bind(fixture),
    ledger: () => fixture.ledger(),
    ready: () => true,
    state: () => {
      const state = fixture.state();
      const sums = [{ currency: 'CNY', sumMinor: -400, sum: '-4.00' }];
      const tapMs = { ...state.tapMs, withinPromise: state.tapMs.taps - 1, max: 412 };
      return { ...state, tapMs, ledger: { ...state.ledger, sums, balanced: false } };
    },
  };
  const http = createHttp({ view: bent, log });
  const { page } = await open(await http.listen('127.0.0.1', 0), 1280);
  assert.match(await text(page, '#sums'), /✗ Does not sum to zero−4\.00/);
  assert.equal(await text(page, '#books'), 'Broken');
  assert.match(await text(page, '#verdict'), /^99\.9\d+ % under/);
  await page.close();
  await http.close();
});

for (const width of [1280, 390]) {
  test(`a picture at ${width} px, light and dark`, { skip }, async () => {
    const server = await serve(livelyFixture());
    const { page, complaints } = await open(server.url, width);
    assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'));
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const png = await page.screenshot({ fullPage: true, animations: 'disabled' });
      writeFileSync(join(tmpdir(), `faregate-dashboard-${width}-${colorScheme}.png`), png);
      const { colours, brightness } = await look(png);
      assert.ok(colours > 100, `${colours} colours`);
      assert.ok(colorScheme === 'light' ? brightness > 170 : brightness < 85, `${brightness}`);
    }
    assert.deepEqual(complaints, []);
    await page.close();
    await server.close();
  });

  test(`120 gates fit into ${width} px`, { skip }, async () => {
    const fixture = new Fixture({ gates: 120 });
    fixture.advance(10);
    const server = await serve(fixture);
    const { page, complaints } = await open(server.url, width);
    assert.equal(await page.locator('#gates.compact .gate').count(), 120);
    assert.ok(await page.evaluate('document.documentElement.scrollWidth <= innerWidth'));
    assert.deepEqual(complaints, []);
    await page.close();
    await server.close();
  });
}

/** How many colours a picture has, and its mean brightness from 0 to 255. */
async function look(png: Buffer): Promise<{ colours: number; brightness: number }> {
  const page = await browser.newPage();
  const source = `data:image/png;base64,${png.toString('base64')}`;
  const seen = await page.evaluate(`(async () => {
    const image = new Image();
    image.src = ${JSON.stringify(source)};
    await image.decode();
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d');
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    const pixels = new Uint32Array(data.buffer);
    const colours = new Set(pixels);
    let sum = 0;
    for (const pixel of pixels) sum += (pixel >> 8) & 255;
    return { colours: colours.size, brightness: sum / pixels.length };
  })()`);
  await page.close();
  return seen as { colours: number; brightness: number };
}

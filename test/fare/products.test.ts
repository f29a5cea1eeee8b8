/**
 * Products: the worked examples of docs/fare-extensions.md, days of clocks that change, a twin that
 * walks through stays, tables checked by file, line and field, and the way into a fare set.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileFares } from '../../engine/fare/compile.ts';
import { formatMinor } from '../../engine/fare/money.ts';
import { CompiledProducts, type FareProducts, type Product } from '../../engine/fare/product.ts';
import { faultOfProducts } from '../../engine/fare/product-schema.ts';
import { sampleFareSet } from '../../engine/fare/sample-city.ts';
import { faultOf } from '../../engine/fare/set.ts';
import { checkMatrixTerms } from '../../engine/fare/terms/matrix.ts';
import { productsOf } from '../../engine/fare/terms/products.ts';
import { openFares } from '../../engine/operator/fare-files.ts';
import { packFares, unpackFares } from '../../engine/parameters/fares-item.ts';
import { fresh, run, SMALL, scratch } from '../reference/fare-program.ts';
import { csvFiles, writeTables } from '../reference/fare-tables.ts';
import { walkedPriceMinor } from '../reference/product-price.ts';
import { root } from '../shared.ts';

const guide = readFileSync(join(root, 'docs/fare-extensions.md'), 'utf8');
const settings = 'timezone\nAsia/Shanghai\n';

/** The tables that the guide prints. */
function printed(header: string): string {
  const from = guide.indexOf(header);
  return `${guide.slice(from, guide.slice(from).search(/\n\n|\n```/) + from)}\n`;
}
const tables = {
  settings,
  products: printed('product_id,product_number'),
  product_steps: printed('product_id,upto_minutes'),
};

function productsIn(texts: Readonly<Record<string, string>>): FareProducts {
  const files = csvFiles(texts);
  const frame = { decimals: 2, stations: ['A', 'B'], riders: ['adult'] };
  const { terms, findings } = checkMatrixTerms(
    files,
    files.map(({ name }) => name),
    frame,
  );
  assert(terms, JSON.stringify(findings.list));
  return productsOf(terms)!;
}

const sold = productsIn(tables);
const compiled = new CompiledProducts(sold);

function at(text: string): number {
  return Date.parse(`${text}+08:00`);
}

function parked(from: string, to: string, products = compiled, id = 'garage') {
  const sale = { instantMs: at(to), entryMs: at(from), amountMinor: null };
  return products.price(products.byId(id)!, sale);
}

test('the worked stays of the guide', () => {
  const rows = [
    ...guide.matchAll(/^\| (\d\d:\d\d:\d\d) to (\S+?)( two days later)? \|.*\| (\S+) \|$/gm),
  ];
  assert.equal(rows.length, 7);
  for (const [line, from, to, isLater, amount] of rows) {
    const day = isLater ? '2026-05-06' : to! < from! ? '2026-05-05' : '2026-05-04';
    const price = parked(`2026-05-04T${from}`, `${day}T${to}`);
    assert(typeof price !== 'string', line);
    assert.equal(formatMinor(price.amountMinor, 2), amount, line);
  }
});

test('limits are inclusive to the millisecond; a stay of no time costs nothing', () => {
  const minor = (ms: number): number => {
    const entryMs = at('2026-05-04T09:00:00');
    const sale = { instantMs: entryMs + ms, entryMs, amountMinor: null };
    const price = compiled.price(compiled.byId('garage')!, sale);
    assert(typeof price !== 'string');
    return price.amountMinor;
  };
  const minute = 60_000;
  assert.deepEqual([0, 15 * minute, 15 * minute + 1].map(minor), [0, 0, 300]);
  assert.deepEqual([30 * minute, 30 * minute + 1].map(minor), [300, 600]);
  assert.deepEqual([60 * minute, 60 * minute + 1, 120 * minute].map(minor), [600, 1000, 1000]);
});

test('a fixed price, an open amount within its maximum, and sales that do not fit', () => {
  const sale = { instantMs: at('2026-05-04T12:00:00'), entryMs: null, amountMinor: null };
  const price = (id: string, changes: object = {}) => {
    const found = compiled.price(compiled.byId(id)!, { ...sale, ...changes });
    return typeof found === 'string' ? found : found.amountMinor;
  };
  assert.deepEqual([price('lunch'), price('pool')], [1200, 2500]);
  assert.deepEqual(
    [price('kiosk', { amountMinor: 5000 }), price('kiosk', { amountMinor: 0 })],
    [5000, 0],
  );
  assert.equal(price('kiosk', { amountMinor: 5001 }), 'amountOverMaximum');
  assert.equal(price('kiosk'), 'amountMissing');
  assert.equal(price('lunch', { amountMinor: 1200 }), 'amountGiven');
  assert.equal(price('pool', { entryMs: 1 }), 'entryGiven');
  assert.equal(price('garage'), 'entryMissing');
  assert.equal(price('garage', { entryMs: sale.instantMs + 1 }), 'entryAfterExit');
  assert.equal(price('garage', { entryMs: sale.instantMs - 367 * 86_400_000 }), 'stayTooLong');
  assert.equal(compiled.byId('gym'), null);
});

test('24 hours from entry, and no span at all', () => {
  const of = (span: string, maximum: string) =>
    new CompiledProducts(
      productsIn({
        settings,
        products: `product_id,product_number,kind,span,maximum\nlot,1,by_time,${span},${maximum}\n`,
        product_steps: 'product_id,upto_minutes,every_minutes,amount\nlot,,60,2.00\n',
      }),
    );
  const stay = ['2026-05-04T20:00:00', '2026-05-05T21:30:00'] as const;
  const rolling = parked(...stay, of('from_first', '10.00'), 'lot');
  assert(typeof rolling !== 'string');
  assert.deepEqual(rolling.spans, [
    { fromMs: at(stay[0]), toMs: at('2026-05-05T20:00:00'), amountMinor: 1000 },
    { fromMs: at('2026-05-05T20:00:00'), toMs: at(stay[1]), amountMinor: 400 },
  ]);
  const endless = parked(...stay, of('', ''), 'lot');
  assert(typeof endless !== 'string');
  assert.deepEqual([endless.amountMinor, endless.spans.length], [5200, 1]);
});

const zones: readonly [string, string, string][] = [
  ['Europe/London', '2026-03-28T12:00:00Z', 'clocks go forward'],
  ['Europe/London', '2026-10-24T12:00:00Z', 'clocks go back'],
  // Midnight is skipped there.
  ['America/Santiago', '2026-09-05T12:00:00Z', 'a day without its midnight'],
  ['Asia/Shanghai', '2026-05-04T01:00:00Z', 'no change'],
];
for (const [timezone, from, why] of zones) {
  test(`random stays cost what a walk through them says: ${timezone}, ${why}`, () => {
    const tickMs = 15 * 60_000;
    const step = fc.record({ every: fc.integer({ min: 1, max: 12 }), minor: fc.nat(900) });
    const garage = fc
      .record({
        steps: fc.array(step, { minLength: 1, maxLength: 4 }),
        lengths: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 4, maxLength: 4 }),
        span: fc.constantFrom<'day' | 'fromFirst' | null>('day', 'fromFirst', null),
        maximumMinor: fc.option(fc.nat(4000), { nil: null }),
        freeMs: fc.constantFrom(0, tickMs, 4 * tickMs),
      })
      .map(({ steps, lengths, ...rest }) => {
        let upto = 0;
        const made = steps.map(({ every, minor }, index) => {
          upto += lengths[index]! * tickMs;
          const isLast = index === steps.length - 1;
          return { uptoMs: isLast ? null : upto, everyMs: every * tickMs, amountMinor: minor };
        });
        return { id: 'g', number: 1, name: '', kind: 'byTime' as const, ...rest, steps: made };
      });
    const dayStart = fc.constantFrom(0, 4 * 3_600_000);
    const stay = fc.tuple(fc.integer({ min: 0, max: 96 }), fc.integer({ min: 0, max: 300 }));
    fc.assert(
      fc.property(garage, dayStart, stay, (product, dayStartMs, [wait, ticks]) => {
        const entryMs = Date.parse(from) + wait * tickMs;
        const instantMs = entryMs + ticks * tickMs;
        const products = new CompiledProducts({ timezone, dayStartMs, products: [product] });
        const price = products.price(product, { instantMs, entryMs, amountMinor: null });
        assert(typeof price !== 'string');
        const said = [product, timezone, dayStartMs, entryMs, instantMs, tickMs] as const;
        assert.equal(price.amountMinor, walkedPriceMinor(...said));
      }),
      { numRuns: 150 },
    );
  });
}

const header = 'product_id,product_number,product_name,kind,amount,free_minutes,span,maximum';
const steps = 'product_id,upto_minutes,every_minutes,amount';
const bad: readonly [string, string, string, readonly string[]][] = [
  [
    'a fixed one without a price',
    'a,1,,fixed,,,,',
    '',
    ['products:2:amount missing_required_field'],
  ],
  [
    'an open one without a maximum',
    'a,1,,open,,,,',
    '',
    ['products:2:maximum missing_required_field'],
  ],
  [
    'fields that mean nothing',
    'a,1,,fixed,1.00,5,day,2.00',
    '',
    ['free_minutes', 'span', 'maximum'].map((field) => `products:2:${field} forbidden_field`),
  ],
  ['an unknown kind', 'a,1,,sale,1.00,,,', '', ['products:2:kind unexpected_enum_value']],
  [
    'a number out of bounds',
    'a,65536,,fixed,1.00,,,',
    '',
    ['products:2:product_number number_out_of_range'],
  ],
  [
    'an amount of three decimals',
    'a,1,,fixed,1.005,,,',
    '',
    ['products:2:amount invalid_currency_amount'],
  ],
  [
    'two of one id',
    'a,1,,fixed,1.00,,,\na,2,,fixed,1.00,,,',
    '',
    ['products:3:product_id duplicate_key'],
  ],
  [
    'two of one number',
    'a,1,,fixed,1.00,,,\nb,1,,fixed,1.00,,,',
    '',
    ['products:3:product_number duplicate_key'],
  ],
  ['time without steps', 'a,1,,by_time,,,,', '', ['products:2:product_id missing_required_row']],
  [
    'a last step with an end',
    'a,1,,by_time,,,,',
    'a,60,30,1.00',
    ['product_steps:2:upto_minutes forbidden_field'],
  ],
  [
    'a first step without one',
    'a,1,,by_time,,,,',
    'a,,30,1.00\na,,60,1.00',
    ['product_steps:2:upto_minutes missing_required_field'],
  ],
  [
    'steps that do not rise',
    'a,1,,by_time,,,,',
    'a,60,30,1.00\na,60,15,1.00\na,,60,1.00',
    ['product_steps:3:upto_minutes number_out_of_range'],
  ],
  [
    'steps of what has a price',
    'a,1,,fixed,1.00,,,',
    'a,,60,1.00',
    ['product_steps:2:product_id forbidden_field'],
  ],
  [
    'steps of no product',
    'a,1,,fixed,1.00,,,',
    'b,,60,1.00',
    ['product_steps:2:product_id foreign_key_violation'],
  ],
];
for (const [what, rows, stepRows, expected] of bad) {
  test(`a bad table is named by file, line and field: ${what}`, () => {
    const texts = {
      settings,
      products: `${header}\n${rows}\n`,
      ...(stepRows === '' ? {} : { product_steps: `${steps}\n${stepRows}\n` }),
    };
    const files = csvFiles(texts);
    const frame = { decimals: 2, stations: ['A', 'B'], riders: ['adult'] };
    const { terms, findings } = checkMatrixTerms(
      files,
      files.map(({ name }) => name),
      frame,
    );
    assert.equal(terms, null);
    const errors = findings.list
      .filter(({ severity }) => severity === 'error')
      .map(({ file, line, field, code }) => `${file}:${line}:${field} ${code}`);
    assert.deepEqual(
      errors,
      expected.map((each) => `faregate_${each.replace(':', '.txt:')}`),
    );
  });
}

test('a fare set carries its products to gates, and one that was tampered with is refused', () => {
  const set = { ...sampleFareSet(), products: sold };
  assert.equal(faultOf(set), null);
  const again = unpackFares(packFares(set), 'an item');
  assert.deepEqual(again.products, sold);
  assert.equal(compileFares(again).products?.byId('pool')?.number, 2);
  assert.equal(unpackFares(packFares(sampleFareSet()), 'an item').products, undefined);
  const garage = sold.products.find(({ id }) => id === 'garage') as Extract<
    Product,
    { kind: 'byTime' }
  >;
  const faults: readonly [FareProducts, RegExp][] = [
    [{ ...sold, timezone: 'Mars/Base' }, /timezone/],
    [{ ...sold, products: [garage, garage] }, /1\/id/],
    [{ ...sold, products: [garage, { ...garage, id: 'other' }] }, /1\/number/],
    [{ ...sold, products: [{ ...garage, steps: [...garage.steps].reverse() }] }, /0\/steps/],
  ];
  for (const [products, fault] of faults) assert.match(faultOfProducts(products) ?? '', fault);
  const bytes = packFares(set);
  const text = Buffer.from(bytes)
    .toString('latin1')
    .replace('"amountMinor":2500', '"amountMinor":2400');
  assert.throws(
    () => unpackFares(new Uint8Array(Buffer.from(text, 'latin1')), 'an item'),
    /sha256/,
  );
});

test('imported, quoted in the shell, and a number that moves is refused', async () => {
  const matrix = join(scratch, 'products.csv');
  writeFileSync(matrix, SMALL);
  const out = fresh();
  const importing = (texts: Readonly<Record<string, string>>) =>
    run([
      ...[
        'fares',
        'import',
        '--matrix',
        matrix,
        '--from',
        'A',
        '--to',
        'B',
        '--fare',
        'adult=full',
      ],
      ...['--currency', 'CNY', '--terms', writeTables(fresh(), texts), '--out', out],
    ]);
  const made = await importing(tables);
  assert.equal(made.code, 0, made.err.join());
  assert.deepEqual((await openFares(out)).at(Date.now())?.products?.byId('lunch')?.number, 1);
  const quote = (...args: string[]) => run(['quote', '--fares', out, ...args]);
  const stay = ['--entered', '2030-05-04T09:00:00+08:00', '--at', '2030-05-04T12:10:00+08:00'];
  const garage = await quote('--product', 'garage', ...stay);
  assert.deepEqual(JSON.parse(garage.out[0]!), {
    product: 'garage',
    number: 4,
    name: 'Town hall garage',
    version: 1,
    amount: '18.00',
    currency: 'CNY',
    amountMinor: 1800,
    spans: [{ from: '2030-05-04T01:00:00.000Z', to: '2030-05-04T04:10:00.000Z', amount: '18.00' }],
  });
  const kiosk = await quote('--product', 'kiosk', '--amount', '1250');
  assert.equal(JSON.parse(kiosk.out[0]!).amount, '12.50');
  const errors: readonly [readonly string[], RegExp][] = [
    [['--product', 'gym'], /FARES_UNKNOWN_PRODUCT/],
    [['--product', 'kiosk', '--amount', '5001'], /SALE_INVALID.*over the maximum/],
    [['--product', 'garage'], /SALE_INVALID.*no entry/],
    [['--product', 'garage', '--entered', 'noon'], /--entered takes an instant/],
    [['--amount', '5'], /--amount is for a --product/],
  ];
  for (const [args, message] of errors) {
    const { code, err } = await quote(...args);
    assert.notEqual(code, 0);
    assert.match(err.join('\n'), message);
  }
  const moved = tables.products.replace('lunch,1', 'supper,1');
  const refused = await importing({ ...tables, products: moved });
  assert.match(refused.err.join('\n'), /product supper has number 1, that of lunch in version 1/);
});

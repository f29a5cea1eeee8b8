/** The dashboard: asks /api/state every second and writes it into the page. No data becomes markup. */
import { drawLatency, drawRate } from './charts.js';

const POLL_MS = 1000;
const ANSWER_MS = 4000;
/** Records a connected gate may hold before its tile says so. */
const BACKLOG_WARN = 100;
/** From so many gates on, tiles are small. */
const COMPACT_GATES = 41;
const DENIALS_SHOWN = 7;
const EXCEPTIONS_SHOWN = 8;

const byId = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat('en');
const percentOf = (part, all) => (all === 0 ? '–' : `${percent((100 * part) / all)} %`);

/** A percentage that says 100 only when nothing is missing. */
function percent(value) {
  if (value === 0 || value === 100) return String(value);
  if (value > 99.9 || value < 0.1) return value > 50 ? floor(value, 3) : value.toFixed(3);
  return value > 99 ? floor(value, 2) : value.toFixed(1);
}

function floor(value, decimals) {
  return (Math.floor(value * 10 ** decimals) / 10 ** decimals).toFixed(decimals);
}

/** Makes an element; `null` children are left out. */
function h(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children.filter((child) => child !== null));
  return element;
}

function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

const clock = (ms) => new Date(ms).toLocaleTimeString('en-GB');
const plural = (n, one) => `${whole.format(n)} ${one}${n === 1 ? '' : 's'}`;
const rate = (perSecond) =>
  perSecond < 100 ? perSecond.toFixed(1) : whole.format(Math.round(perSecond));

/** `balanceTooLow`, `tac-bad`, `mac2Invalid` -> `Balance too low`, `TAC bad`, `MAC2 invalid`. */
function words(code) {
  const spaced = code
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/[-_]+/g, ' ')
    .toLowerCase();
  const sentence = spaced.charAt(0).toUpperCase() + spaced.slice(1);
  return sentence.replace(/\b(tac|mac\d?)\b/gi, (name) => name.toUpperCase());
}

const lowerFirst = (text) => text.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());

function set(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
}

let shown = null;
let pointer = null;

function show(state) {
  shown = state;
  showHeader(state);
  showRate(state);
  showTotals(state);
  showLatency(state);
  showDenials(state);
  showGates(state);
  showLedger(state.ledger);
  showExceptions(state);
  byId('main').removeAttribute('aria-busy');
}

function showHeader({ city, atMs, startedMs, totals, ledger }) {
  set('city', city);
  set('uptime', duration(atMs - startedMs));
  set('connected', `${whole.format(totals.connected)} of ${whole.format(totals.gates)}`);
  byId('connected').className = totals.connected < totals.gates ? 'warn' : '';
  set('books', ledger.balanced ? 'Balanced' : 'Broken');
  byId('books').className = ledger.balanced ? 'good' : 'bad';
  set('live-text', `Live ${clock(atMs)}`);
}

function showRate({ rate: taps }) {
  set('rate', rate(taps.tapsPerSecond));
  set('rate-note', `peak ${rate(taps.peak)} in the last two minutes`);
  document.title = `${rate(taps.tapsPerSecond)} taps/s · faregate`;
  drawRate(byId('rate-chart'), taps.history, pointer);
}

/** Offline, or holding more than what is always on its way. */
const troubled = (gate) => !gate.connected || gate.backlog > BACKLOG_WARN;

function showTotals({ totals: t, gates }) {
  const held = gates.filter((gate) => gate.backlog > 0).length;
  const stuck = gates.some((gate) => gate.backlog > 0 && troubled(gate));
  const cells = [
    ['taps', 'Taps', t.taps, `${percentOf(t.opened, t.taps)} opened`],
    // The ledger may be a second ahead of what gates report.
    ['debits', 'Debits', t.debits, 'as gates last said'],
    ['posted', 'Posted', t.posted, `of ${whole.format(t.received)} in`],
    ['backlog', 'Backlog', t.backlog, held === 0 ? 'all is in' : `at ${plural(held, 'gate')}`],
    ['denied', 'Denied', t.denied, `${percentOf(t.denied, t.taps)} of taps`],
    ['torn', 'Torn away', t.torn, `${whole.format(t.recovered)} recovered`],
    ['unconfirmed', 'Unconfirmed', t.unconfirmed, 'await proof'],
    ['exceptions', 'Exceptions', t.exceptions, t.exceptions === 0 ? 'none' : 'to review'],
  ];
  const tones = { backlog: stuck ? 'warn' : '', exceptions: t.exceptions > 0 ? 'bad' : '' };
  const list = byId('totals');
  if (list.children.length === 0) {
    for (const [id, label] of cells) {
      const value = h('dd', 'value');
      value.id = `total-${id}`;
      list.append(h('div', '', h('dt', '', label), value, h('dd', 'note')));
    }
  }
  for (const [i, [id, , value, note]] of cells.entries()) {
    const [, number, under] = list.children[i].children;
    number.textContent = whole.format(value);
    number.className = `value ${number.textContent.length > 7 ? 'long' : ''} ${tones[id] ?? ''}`;
    under.textContent = note;
  }
}

function showLatency({ tapMs, hostUs, bankTapMs }) {
  const taps = tapMs.taps + bankTapMs.taps;
  const within = tapMs.withinPromise + bankTapMs.withinPromise;
  const kept = within === taps;
  const verdict = byId('verdict');
  verdict.className = `aside ${taps === 0 ? '' : kept ? 'good' : 'warn'}`;
  const other = bankTapMs.taps === 0 ? '' : `, bank cards ${bankTapMs.promiseMs} ms`;
  verdict.textContent =
    taps === 0
      ? 'no taps yet'
      : `${kept ? '✓ ' : ''}${percentOf(within, taps)} under the ${tapMs.promiseMs} ms promise${other}`;
  byId('bank').hidden = bankTapMs.taps === 0;
  times('bank-times', bankTapMs, (ms) => `${whole.format(ms)} ms`, bankTapMs.promiseMs);
  times('tap-times', tapMs, (ms) => `${whole.format(ms)} ms`, tapMs.promiseMs);
  times('host-times', hostUs, (us) =>
    us < 10_000 ? `${whole.format(us)} µs` : `${whole.format(Math.round(us / 1000))} ms`,
  );
  // Last, for it is as tall as the numbers beside it.
  drawLatency(byId('latency-chart'), tapMs);
}

function times(id, percentiles, write, limit = Number.POSITIVE_INFINITY) {
  const rows = [
    ['median', percentiles.p50],
    ['99 %', percentiles.p99],
    ['99.9 %', percentiles.p999],
    ['slowest', percentiles.max],
  ];
  byId(id).replaceChildren(
    ...rows.map(([label, value]) =>
      h('div', '', h('dt', '', label), h('dd', value >= limit ? 'warn' : '', write(value))),
    ),
  );
}

function showDenials({ denials, totals }) {
  const first = denials.slice(0, DENIALS_SHOWN);
  const others = denials.slice(DENIALS_SHOWN).reduce((sum, { taps }) => sum + taps, 0);
  const rows = first.map(({ reason, taps }) => [words(reason), taps]);
  if (others > 0) rows.push(['Other reasons', others]);
  const most = Math.max(1, ...rows.map(([, taps]) => taps));
  set('denials-note', `${percentOf(totals.denied, totals.taps)} of taps`);
  const items = rows.map(([label, taps]) => {
    const bar = h('i', 'bar');
    bar.style.width = `${(100 * taps) / most}%`;
    return h(
      'li',
      '',
      h('span', '', label),
      h('b', '', whole.format(taps)),
      h('div', 'track', bar),
    );
  });
  if (items.length === 0) items.push(h('li', 'none', 'Nobody was turned away.'));
  byId('denials').replaceChildren(...items);
}

const tiles = new Map();

function tile(gateId) {
  let made = tiles.get(gateId);
  if (!made) {
    const part = {
      id: h('b', '', gateId),
      rate: h('span', 'pace'),
      bar: h('i', 'bar'),
      station: h('span', 'station'),
      note: h('span', 'note'),
    };
    const light = h('i', 'light');
    light.setAttribute('aria-hidden', 'true');
    const root = h(
      'li',
      'gate',
      light,
      part.id,
      part.rate,
      h('div', 'track', part.bar),
      part.station,
      part.note,
    );
    root.dataset.gate = gateId;
    tiles.set(gateId, (made = { root, ...part }));
  }
  return made;
}

function showGates({ gates, totals, atMs }) {
  const most = Math.max(1, ...gates.map((gate) => gate.tapsPerSecond));
  for (const gate of gates) {
    const { root, rate: perSecond, bar, station, note } = tile(gate.gateId);
    const trouble = gate.connected ? 'behind' : 'off';
    root.className = `gate ${troubled(gate) ? trouble : ''}`;
    perSecond.textContent = gate.connected ? `${rate(gate.tapsPerSecond)}/s` : 'offline';
    bar.style.width = `${(100 * gate.tapsPerSecond) / most}%`;
    station.textContent = gate.station;
    const held = gate.backlog > 0 ? `${whole.format(gate.backlog)} held` : '';
    note.textContent = [gate.mode === 'normal' ? '' : gate.mode, held].filter(Boolean).join(' · ');
    root.title = gateTitle(gate, atMs);
  }
  const list = byId('gates');
  const wanted = gates.map((gate) => tile(gate.gateId).root);
  if (
    wanted.length !== list.children.length ||
    wanted.some((item, i) => item !== list.children[i])
  ) {
    const kept = new Set(gates.map((gate) => gate.gateId));
    for (const gateId of tiles.keys()) if (!kept.has(gateId)) tiles.delete(gateId);
    list.replaceChildren(...wanted);
    layOutGates();
  }
  const stations = new Set(gates.map((gate) => gate.station)).size;
  const offline = totals.gates - totals.connected;
  const more = totals.gates > gates.length ? `, ${whole.format(gates.length)} shown` : '';
  set(
    'gates-note',
    `${plural(totals.gates, 'gate')} at ${plural(stations, 'station')}${more} · ` +
      `${offline === 0 ? 'all connected' : `${whole.format(offline)} offline`} · ${plural(totals.backlog, 'record')} held`,
  );
}

function gateTitle(gate, atMs) {
  const seen =
    gate.lastSeenMs === 0 ? 'never seen' : `last seen ${duration(atMs - gate.lastSeenMs)} ago`;
  return [
    `${gate.gateId}, ${gate.station}: ${gate.connected ? 'connected' : 'offline'}, ${seen}`,
    `${plural(gate.taps, 'tap')}, ${plural(gate.debits, 'debit')}, ${whole.format(gate.denied)} denied, ${whole.format(gate.torn)} torn`,
    `99 % of taps within ${gate.tapP99Ms} ms, bank cards left out`,
    `mode ${gate.mode}, clock ${gate.clock}, shift ${gate.shift} of ${plural(gate.shiftRecords, 'record')}`,
    `${plural(gate.backlog, 'record')} held, ${plural(gate.unconfirmed, 'debit')} unconfirmed`,
  ].join('\n');
}

/** Chooses columns so that the last row is as full as the others. */
function layOutGates() {
  const list = byId('gates');
  const count = list.children.length;
  const compact = count >= COMPACT_GATES;
  list.classList.toggle('compact', compact);
  const most = Math.max(1, Math.floor((list.clientWidth + 8) / (compact ? 118 : 146)));
  const rows = Math.ceil(count / most);
  list.style.setProperty('--columns', String(Math.max(1, Math.ceil(count / Math.max(1, rows)))));
}

function showLedger(ledger) {
  const atBanks =
    ledger.passedThrough > 0 ? ` (${whole.format(ledger.passedThrough)} for banks to verify)` : '';
  set(
    'ledger-note',
    `${whole.format(ledger.posted)} posted${atBanks} · ${whole.format(ledger.voided)} voided · ${whole.format(ledger.unconfirmed)} unconfirmed`,
  );
  const most = Math.max(1, ...ledger.accounts.map((account) => Math.abs(account.balanceMinor)));
  const none = h('td', 'none', 'No amount was posted yet.');
  none.colSpan = 3;
  byId('accounts').replaceChildren(
    ...(ledger.accounts.length === 0 ? [h('tr', '', none)] : []),
    ...ledger.accounts.map((account) => {
      const bar = h('i', account.balanceMinor < 0 ? 'bar minus' : 'bar plus');
      bar.style.width = `${(50 * Math.abs(account.balanceMinor)) / most}%`;
      const [kind, issuer] = account.name.split(':');
      const whose = issuer ? h('small', 'issuer', ` ${issuer.toUpperCase()}`) : null;
      const name = h('th', '', words(kind), whose);
      name.scope = 'row';
      return h(
        'tr',
        '',
        name,
        h('td', 'scale', h('div', 'axis', bar)),
        money(account.balance, account.currency),
      );
    }),
  );
  byId('sums').replaceChildren(
    ...ledger.sums.map(({ sum, sumMinor, currency }) => {
      const name = h('th', '', sumMinor === 0 ? '✓ Sums to zero' : '✗ Does not sum to zero');
      name.scope = 'row';
      name.colSpan = 2;
      return h('tr', sumMinor === 0 ? 'good' : 'bad', name, money(sum, currency));
    }),
  );
}

function money(amount, currency) {
  return h('td', 'number', amount.replace('-', '−'), h('small', '', ` ${currency}`));
}

function showExceptions({ exceptions, ledger, currency }) {
  const kinds = ledger.exceptions.filter(({ count }) => count > 0);
  set(
    'exceptions-note',
    kinds.map(({ kind, count }) => `${whole.format(count)} ${lowerFirst(words(kind))}`).join(' · '),
  );
  const items = exceptions.slice(0, EXCEPTIONS_SHOWN).map((item) => {
    const decimals = item.currency === currency.code ? currency.decimals : 0;
    const amount = (item.amountMinor / 10 ** decimals).toFixed(decimals);
    return h(
      'li',
      'found',
      h('time', '', clock(item.atMs)),
      h('b', '', words(item.kind)),
      h('span', 'where', `${item.gateId} #${whole.format(item.gateSequence)}`),
      h('span', 'amount', `${amount} ${item.currency}`),
      h('p', '', item.detail),
    );
  });
  if (items.length === 0) items.push(h('li', 'none', 'None. Every debit agrees with its card.'));
  byId('exceptions').replaceChildren(...items);
}

function showLost(lost) {
  document.body.classList.toggle('stale', lost);
  const banner = byId('lost');
  banner.hidden = !lost;
  if (!lost) return;
  set('live-text', 'No connection');
  const since = shown ? ` Below is what it said at ${clock(shown.atMs)}.` : '';
  banner.textContent = `The engine does not answer.${since} Gates go on by themselves; this page tries again every second.`;
}

/** The engine's state, or null when it did not answer in time, or not with one. */
async function ask() {
  try {
    const answer = await fetch('/api/state', { signal: AbortSignal.timeout(ANSWER_MS) });
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

async function poll() {
  const state = await ask();
  setTimeout(poll, POLL_MS);
  showLost(state === null);
  if (state) show(state);
}

byId('rate-chart').addEventListener('pointermove', (event) => {
  pointer = event.clientX - byId('rate-chart').getBoundingClientRect().left;
  if (shown) drawRate(byId('rate-chart'), shown.rate.history, pointer);
});
byId('rate-chart').addEventListener('pointerleave', () => {
  pointer = null;
  if (shown) drawRate(byId('rate-chart'), shown.rate.history, pointer);
});
new ResizeObserver(() => {
  if (!shown) return;
  drawRate(byId('rate-chart'), shown.rate.history, pointer);
  drawLatency(byId('latency-chart'), shown.tapMs);
  layOutGates();
}).observe(byId('main'));

await poll();

/** The two drawings of the dashboard, as SVG in the pixels of their box. No data becomes markup. */

const SVG = 'http://www.w3.org/2000/svg';

/** Makes an SVG element; children are elements or text. */
function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const text = (x, y, content, attributes = {}) => svg('text', { x, y, ...attributes }, content);
const line = (x1, y1, x2, y2, name) => svg('line', { x1, y1, x2, y2, class: name });

function canvas(box, label) {
  const { width, height } = box.getBoundingClientRect();
  const root = svg('svg', {
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: 'img',
    'aria-label': label,
  });
  box.replaceChildren(root);
  return { root, width, height };
}

/** The smallest even round number that is not below `value`: half of it is a tick as well. */
function niceAbove(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 2)));
  const steps = power === 1 ? [2, 4, 6, 8, 10] : [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10];
  return steps.map((step) => step * power).find((step) => step >= value) ?? value;
}

/** Taps in each of the last seconds as an area; `pointer` is where the mouse is, or null. */
export function drawRate(box, history, pointer) {
  const { root, width, height } = canvas(box, rateLabel(history));
  const top = niceAbove(Math.max(...history) * 1.05);
  const area = { left: 0, right: width - 34, top: 8, bottom: height - 20 };
  const x = (i) => area.left + (i / (history.length - 1)) * (area.right - area.left);
  const y = (taps) => area.bottom - (taps / top) * (area.bottom - area.top);
  for (const level of [0, top / 2, top]) {
    root.append(line(area.left, y(level), area.right, y(level), 'rule'));
    root.append(text(area.right + 8, y(level) + 4, String(level), { class: 'tick' }));
  }
  const points = history.map((taps, i) => `${x(i).toFixed(1)},${y(taps).toFixed(1)}`).join(' L');
  const fade = svg(
    'linearGradient',
    { id: 'fade', x2: 0, y2: 1 },
    svg('stop', { class: 'fade-top' }),
    svg('stop', { class: 'fade-end', offset: 1 }),
  );
  root.append(
    svg('defs', {}, fade),
    svg('path', {
      class: 'area',
      fill: 'url(#fade)',
      d: `M${area.left},${area.bottom} L${points} V${area.bottom} Z`,
    }),
    svg('path', { class: 'trace', d: `M${points}` }),
    svg('circle', { class: 'tip', cx: x(history.length - 1), cy: y(history.at(-1)), r: 4 }),
  );
  for (const [seconds, label, anchor] of [
    [history.length - 1, '2 min ago', 'start'],
    [60, '1 min', 'middle'],
    [0, 'now', 'end'],
  ]) {
    const at = x(history.length - 1 - seconds);
    root.append(text(at, height - 4, label, { class: 'tick', 'text-anchor': anchor }));
  }
  if (pointer !== null) {
    const i = Math.round(((pointer - area.left) / (area.right - area.left)) * (history.length - 1));
    if (i >= 0 && i < history.length) point(root, x(i), y(history[i]), history[i], area);
  }
}

function point(root, x, y, taps, area) {
  const anchor = x > area.right - 60 ? 'end' : 'start';
  const label = text(x + (anchor === 'end' ? -10 : 10), Math.max(y - 8, 16), `${taps} taps`, {
    class: 'reading',
    'text-anchor': anchor,
  });
  root.append(line(x, area.top, x, area.bottom, 'cursor'));
  root.append(svg('circle', { class: 'tip', cx: x, cy: y, r: 4 }), label);
}

function rateLabel(history) {
  const peak = Math.max(...history);
  return `Taps a second over the last two minutes: ${history.at(-1)} now, ${peak} at the peak`;
}

const count = new Intl.NumberFormat('en');
/** Room over the bars for the two flags. */
const FLAGS_PX = 30;

/** Latency buckets as bars, with the aim and the promise as lines across them. */
export function drawLatency(box, latency) {
  const { buckets, promiseMs, aimMs } = latency;
  const label = `Taps by time: ${latency.withinPromise} of ${latency.taps} under ${promiseMs} ms`;
  const { root, width, height } = canvas(box, label);
  const area = { left: 2, right: width - 2, top: FLAGS_PX, bottom: height - 22 };
  const step = (area.right - area.left) / buckets.length;
  const x = (ms) => area.left + (ms / (buckets[0].toMs - buckets[0].fromMs)) * step;
  root.append(
    svg('rect', {
      class: 'beyond',
      x: x(promiseMs),
      y: 6,
      width: area.right - x(promiseMs),
      height: area.bottom - 6,
    }),
  );
  const most = Math.max(1, ...buckets.map((bucket) => bucket.taps));
  for (const [i, bucket] of buckets.entries()) {
    // A single slow tap must stay visible beside thousands of fast ones.
    const tall = Math.max(3, (bucket.taps / most) * (area.bottom - area.top - 20));
    const place = { x: area.left + i * step, width: step, y: area.bottom - tall, height: tall };
    if (bucket.taps > 0) root.append(...drawBucket(bucket, place, latency));
  }
  root.append(line(area.left, area.bottom, area.right, area.bottom, 'base'));
  const unit = area.right - x(promiseMs) < 120 ? '' : ' ms';
  const flag = (ms, name, anchor) => {
    const at = x(ms) + (anchor === 'end' ? -7 : 7);
    root.append(
      line(x(ms), 6, x(ms), area.bottom, name),
      text(at, 18, `${name} ${ms}${unit}`, { class: `flag ${name}`, 'text-anchor': anchor }),
    );
  };
  flag(aimMs, 'aim', 'end');
  flag(promiseMs, 'promise', 'start');
  const endMs = buckets.at(-1).fromMs;
  for (let ms = 0; ms <= endMs; ms += 100) {
    const anchor = ms === 0 ? 'start' : 'middle';
    const tick = ms === endMs ? `${ms}+` : ms === 0 ? '0 ms' : String(ms);
    root.append(text(x(ms), height - 5, tick, { class: 'tick', 'text-anchor': anchor }));
  }
}

/** A bar, and its share of all taps above it where there is room for one. */
function drawBucket({ fromMs, toMs, taps }, { x, y, width, height }, latency) {
  const kind =
    fromMs >= latency.promiseMs ? 'over' : fromMs >= latency.aimMs ? 'promised' : 'aimed';
  const span = toMs === null ? `${fromMs} ms and more` : `${fromMs} to ${toMs} ms`;
  const bar = svg('rect', {
    class: `bar ${kind}`,
    x: x + 1.5,
    y,
    width: width - 3,
    height,
    rx: Math.min(3, height / 2),
  });
  const share = (100 * taps) / latency.taps;
  bar.append(svg('title', {}, `${span}: ${count.format(taps)} taps, ${share.toFixed(2)} %`));
  if (width < 22 || share < 0.95) return [bar];
  const label = `${share.toFixed(0)}%`;
  return [bar, text(x + width / 2, y - 6, label, { class: 'share', 'text-anchor': 'middle' })];
}

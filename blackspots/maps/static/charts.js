// --- Small graphics of the evidence sheet ----------------------------------------------

// Expected crashes with their interval, what was predicted, what was observed: one scale.
function expectedChart(site, width = 320, title = t('sheet.per-year-expected'), value = number(site.expected, 2)) {
  const height = 58;
  const observed = site.years ? site.crashes / site.years : null;
  const top = Math.max(site.expected_high || 0, site.predicted || 0, observed || 0, site.expected || 0) * 1.08 || 1;
  const x = (value) => 6 + value / top * (width - 12);
  const node = svg('svg', { viewBox: '0 0 ' + width + ' ' + height, class: 'graph', role: 'img',
    'aria-label': title + ': ' + value });
  node.append(svg('line', { x1: x(0), x2: x(top), y1: 38, y2: 38, class: 's-line' }));
  const step = niceStep(top);
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  for (let value = 0; value <= top + 1e-9; value += step) {
    node.append(svg('line', { x1: x(value), x2: x(value), y1: 38, y2: 42, class: 's-line' }),
      svg('text', { x: x(value), y: 54, 'text-anchor': value === 0 ? 'start' : 'middle', class: 'axis', text: number(value, digits) }));
  }
  if (isKnown(site.expected_low) && isKnown(site.expected_high)) {
    node.append(svg('rect', { x: x(site.expected_low), y: 15, width: Math.max(2, x(site.expected_high) - x(site.expected_low)), height: 14, rx: 3, class: 'f-range' }));
  }
  if (isKnown(site.predicted)) {
    node.append(svg('line', { x1: x(site.predicted), x2: x(site.predicted), y1: 8, y2: 38, class: 's-predicted', 'stroke-width': 2, 'stroke-dasharray': '3 2' }));
  }
  if (isKnown(observed)) {
    node.append(svg('circle', { cx: x(observed), cy: 22, r: 4.5, class: 'f-paper s-ink', 'stroke-width': 1.6 }));
  }
  if (isKnown(site.expected)) node.append(svg('line', { x1: x(site.expected), x2: x(site.expected), y1: 11, y2: 33, class: 's-accent', 'stroke-width': 3.2 }));
  return node;
}

function niceStep(top) {
  const rough = top / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
}

function bars(values, options) {
  const width = options.width || 320;
  const height = 70;
  const base = 53;
  const most = Math.max(1, ...values.map((bar) => bar.value));
  const room = width / values.length;
  const node = svg('svg', { viewBox: '0 0 ' + width + ' ' + height, class: 'graph', role: 'img', 'aria-label': options.label });
  values.forEach((bar, i) => {
    const tall = bar.value / most * 36;
    const left = i * room + Math.min(1.5, room * 0.12);
    const wide = Math.min(30, room - Math.min(3, room * 0.24));
    const middle = i * room + room / 2;
    const rect = svg('rect', { x: wide === 30 ? middle - 15 : left, y: base - tall, width: wide, height: tall, rx: 1.5, class: bar.kind },
      svg('title', { text: bar.name + ': ' + number(bar.value) }));
    node.append(rect);
    if (bar.value && options.figures) node.append(svg('text', { x: middle, y: base - tall - 3, 'text-anchor': 'middle', class: 'axis', text: number(bar.value) }));
    if (bar.tick) node.append(svg('text', { x: middle, y: 67, 'text-anchor': 'middle', class: 'axis', text: bar.tick }));
  });
  node.append(svg('line', { x1: 0, x2: width, y1: base + 0.5, y2: base + 0.5, class: 's-line' }));
  return node;
}

function hourChart(rows) {
  const counts = new Array(24).fill(0);
  for (const row of rows) if (isKnown(crashes.hour[row])) counts[crashes.hour[row] % 24] += 1;
  return bars(counts.map((value, hour) => ({
    value, name: hour + ' h', tick: hour % 6 === 0 || hour === 23 ? String(hour) : '',
    kind: hour < 6 || hour >= 18 ? 'f-night' : 'f-day',
  })), { label: t('sheet.hours') });
}

function yearChart(rows) {
  return bars(years.map((year) => ({
    value: rows.filter((row) => crashYear[row] === year).length, name: String(year), kind: 'f-day',
    tick: years.length <= 8 || (year - years[0]) % 2 === 0 ? String(year) : '',
  })), { label: t('sheet.years'), figures: true });
}

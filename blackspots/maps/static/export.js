// --- CSV and paper ---------------------------------------------------------------------

// A cell that a spreadsheet would take for a formula is led by an apostrophe.
function csvText(value) {
  const text = value === null || value === undefined ? '' : String(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
  return '"' + safe.replace(/"/g, '""') + '"';
}

// Vietnamese spreadsheets read a comma as the decimal sign and a semicolon between cells.
function csvNumber(value) {
  if (!isKnown(value)) return '';
  return state.language === 'vi' ? String(value).replace('.', ',') : String(value);
}

function csvLines(head, rows) {
  const between = state.language === 'vi' ? ';' : ',';
  return '\ufeff' + [head.map(csvText), ...rows].map((cells) => cells.join(between)).join('\r\n') + '\r\n';
}

function sitesCsv() {
  const head = ['rank-long', 'label', 'kind', 'area', 'verdict', 'rule', 'crashes', 'deaths', 'injured', 'predicted', 'expected', 'low', 'high', 'work', 'cost', 'bcr', 'funded']
    .map((key) => t('column.' + key) + (key === 'cost' ? ' (' + META.currency + ')' : ''));
  return csvLines(head, shownSites.map((site) => {
    const best = site.best || {};
    return [csvNumber(site.rank), csvText(site.label), csvText(term('kind', site.kind)), csvText(site.area), csvText(term('verdict', site.verdict)),
      csvText(site.rule ? term('rule', site.rule) : ''), csvNumber(site.shown.crashes), csvNumber(site.shown.deaths), csvNumber(site.shown.injured),
      csvNumber(site.predicted), csvNumber(site.expected), csvNumber(site.expected_low), csvNumber(site.expected_high),
      csvText(workName(site.best)), csvNumber(best.cost), csvNumber(best.bcr), csvText(t(site.funded ? 'yes' : 'no'))];
  }));
}

function projectsCsv() {
  const head = ['site', 'work', 'source', 'cost', 'benefit', 'npv', 'bcr', 'deaths-avoided', 'funded', 'why']
    .map((key) => t('column.' + key) + (['cost', 'benefit', 'npv'].includes(key) ? ' (' + META.currency + ')' : ''));
  return csvLines(head, [...listedProjects(true), ...listedProjects(false)].map((project) => [
    csvText(project.label), csvText(workName(project)), csvText(term('source', project.source)), csvNumber(project.cost), csvNumber(project.benefit),
    csvNumber(project.npv), csvNumber(project.bcr), csvNumber(project.deaths_avoided), csvText(t(project.funded ? 'yes' : 'no')), csvText(term('why', project.why))]));
}

function saveCsv() {
  const [name, write] = { ranking: ['blackspots', sitesCsv], crossings: ['crossings', railsCsv], programme: ['programme', projectsCsv] }[state.tab];
  const address = URL.createObjectURL(new Blob([write()], { type: 'text/csv;charset=utf-8' }));
  const link = el('a', { href: address, download: name + '-' + state.language + '.csv' });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}

// Paper has a page of its own: the map is drawn anew at the size of the sheet, in light
// colours whatever the screen shows.
function paperMap() {
  const width = 760;
  const height = 760;
  const canvas = el('canvas', { class: 'paper-map' });
  canvas.width = width * 2;
  canvas.height = height * 2;
  const ctx = canvas.getContext('2d');
  ctx.scale(2, 2);
  const here = map.getBounds();
  const near = (state.area || state.site >= 0 || state.crossing >= 0) && here.getEast() > here.getWest();
  const bounds = near ? here : wholeBounds() || here;
  const west = mercatorX(bounds.getWest());
  const east = mercatorX(bounds.getEast());
  const north = mercatorY(bounds.getNorth());
  const south = mercatorY(bounds.getSouth());
  const scale = Math.min(width / (east - west), height / (south - north)) * 0.97;
  document.documentElement.classList.add('on-paper');
  readColours();
  paintScene(ctx, { width, height, scale, zoom: Math.log2(scale / 256),
    x: (west + east) / 2 * scale - width / 2, y: (north + south) / 2 * scale - height / 2 });
  if (META.simulated) paintWatermark(ctx, width, height);
  paintScaleBar(ctx, width, height, scale, bounds.getCenter().lat);
  document.documentElement.classList.remove('on-paper');
  readColours();
  return canvas;
}

function paintWatermark(ctx, width, height) {
  ctx.save();
  ctx.translate(width / 2, height / 2);
  ctx.rotate(-0.32);
  ctx.font = font(700, 52);
  ctx.fillStyle = colours.watermark;
  ctx.fillText(t('simulated').toLocaleUpperCase(state.language), 0, 0);
  ctx.restore();
}

function paintScaleBar(ctx, width, height, scale, lat) {
  const metres = 40075017 * Math.cos(lat * Math.PI / 180) / scale;
  const wanted = metres * 150;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const length = [5, 2, 1].map((factor) => factor * power).find((one) => one <= wanted);
  const right = width - 16;
  ctx.fillStyle = colours.ink;
  ctx.fillRect(right - length / metres, height - 18, length / metres, 3);
  ctx.font = font(500, 13);
  ctx.textAlign = 'right';
  ctx.fillText(length >= 1000 ? number(length / 1000) + ' km' : number(length) + ' m', right, height - 28);
}

function paperTable(rows) {
  const head = ['rank', 'label', 'crashes', 'deaths', 'injured', 'expected', 'work', 'cost', 'bcr', 'funded'];
  const kinds = Object.fromEntries(COLUMNS.map((column) => [column.key, column.class]));
  const units = { expected: t('column.expected-unit'), cost: moneyUnitShort() };
  return el('table', { class: 'paper-table' },
    el('thead', {}, el('tr', {}, ...head.map((key) => el('th', { class: kinds[key] }, el('span', { text: t('column.' + key) }),
      units[key] ? el('span', { class: 'unit', text: ' ' + units[key] }) : null)))),
    el('tbody', {}, ...rows.map((site) => el('tr', { class: site.funded ? 'is-funded' : '' },
      el('td', { class: 'c-rank' }, badgeIcon(site.kind, site.verdict, String(site.rank), false, 6.6)),
      el('td', { class: 'c-place' }, el('span', { class: 'first', text: site.label || DASH }), el('span', { class: 'second', text: site.area ? '  ' + site.area : '' })),
      el('td', { class: 'num', text: number(site.shown.crashes) }), el('td', { class: 'num', text: number(site.shown.deaths) }),
      el('td', { class: 'num', text: number(site.shown.injured) }),
      el('td', { class: 'num', text: number(site.expected, 1) + ' ' + (isKnown(site.expected_low) ? '(' + interval(site.expected_low, site.expected_high, 1) + ')' : '') }),
      el('td', { class: 'c-work', text: workName(site.best) || DASH }), el('td', { class: 'num', text: money(site.best && site.best.cost) }),
      el('td', { class: 'num', text: number(site.best ? site.best.bcr : null, 1) }), el('td', { class: 'c-funded' }, fundedMark(site.funded))))));
}

function paperFilters() {
  const words = filterWords();
  if (state.area) words.push(state.area);
  if (state.query.trim()) words.push('“' + state.query.trim() + '”');
  for (const [here, set, group] of [[kindsHere, state.kinds, 'kind'], [verdictsHere, state.verdicts, 'verdict']]) {
    if (here.some((code) => !set.has(code))) words.push(here.filter((code) => set.has(code)).map((code) => term(group, code)).join(', '));
  }
  return words.length ? el('p', { class: 'muted', text: t('filters') + ': ' + words.join('; ') }) : null;
}

function fillPaper() {
  const counts = META.counts;
  const list = (items) => el('ul', { class: 'plain' }, ...items.map((text) => el('li', { text })));
  const reasons = Object.entries(META.reasons).map(([code, n]) => term('reason', code) + ': ' + number(n));
  const site = sites[state.site];
  const crossing = rails[state.crossing];
  clear(byId('paper'),
    el('header', { class: 'paper-head' }, el('div', {}, el('h1', { text: told(META.title) }), el('p', { text: byId('period').textContent })),
      META.simulated ? el('strong', { class: 'badge', text: t('simulated') }) : null),
    el('p', { class: 'paper-summary' }, el('b', { text: (isRailView() ? railSummaryParts() : summaryParts()).join(' · ') }), el('br', {}),
      isRailView() ? railCountsText() : countsText()),
    isRailView() ? railPaperFilters() : paperFilters(), el('div', { class: 'paper-top' }, paperMap(), el('div', { class: 'paper-legend' }, ...legendGroups(true).filter(Boolean))),
    isRailView() ? railPaperTable(shownRails.slice(0, 20)) : paperTable(shownSites.slice(0, 20)),
    site ? el('article', { class: 'paper-sheet' }, sheetHead(site), verdictLine(site), ...sheetParts(site).filter(Boolean)) : null,
    crossing ? el('article', { class: 'paper-sheet' }, railSheetHead(crossing), railVerdict(crossing), ...railSheetParts(crossing).filter(Boolean)) : null,
    el('article', { class: 'paper-notes' }, el('h2', { text: t('notes.title') }), ...notesParts(counts, reasons, list)));
  for (const node of byId('paper').querySelectorAll('[id]')) node.removeAttribute('id');
}

function startExport() {
  byId('csv').addEventListener('click', saveCsv);
  byId('print-button').addEventListener('click', () => window.print());
  window.addEventListener('beforeprint', fillPaper);
  window.addEventListener('afterprint', () => byId('paper').replaceChildren());
}

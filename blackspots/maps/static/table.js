// --- The ranking table -----------------------------------------------------------------

const PAGE_ROWS = 100;
const collator = new Intl.Collator('vi', { numeric: true });
let shownSites = [];

// value: what the column sorts by; cell: what it shows.
const COLUMNS = [
  { key: 'rank', class: 'c-rank', value: (site) => site.rank, cell: rankCell },
  { key: 'label', class: 'c-place', value: (site) => site.label, cell: placeCell },
  { key: 'crashes', class: 'c-crashes num', value: (site) => site.shown.crashes, cell: (site) => figure(number(site.shown.crashes)) },
  { key: 'deaths', class: 'c-deaths num', value: (site) => site.shown.deaths, cell: (site) => figure(number(site.shown.deaths)) },
  { key: 'injured', class: 'c-injured num', value: (site) => site.shown.injured, cell: (site) => figure(number(site.shown.injured)) },
  { key: 'expected', class: 'c-expected num', value: (site) => site.expected, cell: expectedCell },
  { key: 'work', class: 'c-work', value: (site) => workName(site.best), cell: (site) => workCell(site.best) },
  { key: 'cost', class: 'c-cost num', value: (site) => site.best && site.best.cost, cell: (site) => figure(money(site.best && site.best.cost)) },
  { key: 'bcr', class: 'c-bcr num', value: (site) => site.best && site.best.bcr, cell: (site) => figure(number(site.best ? site.best.bcr : null, 1)) },
  { key: 'funded', class: 'c-funded', value: (site) => -site.funded, cell: (site) => fundedMark(site.funded) },
];

// Columns in which the greatest comes first when they are chosen.
const DOWN_FIRST = new Set(['crashes', 'deaths', 'injured', 'expected', 'cost', 'bcr']);

function rankCell(site) {
  return el('span', {}, badgeIcon(site.kind, site.verdict, String(site.rank), site.funded),
    el('span', { class: 'sr', text: site.rank + ', ' + term('verdict', site.verdict) }));
}

function placeCell(site) {
  return el('span', { class: 'two' }, el('span', { class: 'first', text: site.label || DASH }),
    el('span', { class: 'second', text: [term('kind', site.kind), site.area].filter(Boolean).join(' · ') }));
}

function expectedCell(site) {
  return el('span', { class: 'two' }, figure(number(site.expected, 1)),
    el('span', { class: 'second', text: interval(site.expected_low, site.expected_high, site.expected_high < 100 ? 1 : 0) }));
}

function interval(low, high, digits) {
  return isKnown(low) && isKnown(high) ? number(low, digits) + '–' + number(high, digits) : '';
}

function workCell(project) {
  const name = workName(project);
  return name ? el('span', { class: 'clip', text: name, title: name }) : figure(DASH);
}

function fundedMark(funded) {
  if (!funded) return el('span', { class: 'sr', text: t('no') });
  return el('span', { class: 'tick', title: t('sheet.funded') },
    svg('svg', { viewBox: '0 0 12 12', width: 12, height: 12, 'aria-hidden': 'true' },
      svg('path', { d: 'M2 6.4L4.8 9.2L10 3.2', class: 'f-no s-funded', 'stroke-width': 2 })),
    el('span', { class: 'sr', text: t('yes') }));
}

function compare(a, b, down = state.down) {
  if (isKnown(a) !== isKnown(b)) return isKnown(a) ? -1 : 1; // the unknown last, either way
  if (!isKnown(a)) return 0;
  const order = typeof a === 'string' ? collator.compare(a, b) : a - b;
  return down ? -order : order;
}

function sortSites(found) {
  const column = COLUMNS.find((one) => one.key === state.sort) || COLUMNS[0];
  return [...found].sort((a, b) => compare(column.value(a), column.value(b)) || a.rank - b.rank);
}

function renderHead() {
  const units = { expected: t('column.expected-unit'), cost: moneyUnitShort() };
  clear(byId('columns'), ...COLUMNS.map((column) => {
    const sorted = state.sort === column.key;
    const name = t('column.' + column.key);
    const arrow = el('span', { class: 'arrow', 'aria-hidden': 'true', text: sorted ? (state.down ? '▾' : '▴') : '' });
    const button = el('button', { type: 'button', 'data-sort': column.key, onclick: () => sortBy(column.key),
      'aria-label': column.key === 'rank' ? t('column.rank-long') : null },
      el('span', { text: name }), arrow,
      units[column.key] ? el('span', { class: 'unit', text: units[column.key] }) : null);
    return el('th', { scope: 'col', class: column.class, 'aria-sort': sorted ? (state.down ? 'descending' : 'ascending') : 'none' }, button);
  }));
}

function moneyUnitShort() {
  return META.money_unit === 1e6 && META.currency === 'VND' ? t('unit.million-short') : moneyUnit();
}

function sortBy(key) {
  if (state.sort === key) state.down = !state.down;
  else { state.sort = key; state.down = DOWN_FIRST.has(key); }
  state.page = 0;
  renderTable();
  writeHash();
  const button = document.querySelector('[data-sort="' + key + '"]');
  if (button) button.focus();
}

function siteRow(site) {
  const row = el('tr', {
    'data-site': site.row, tabindex: '-1',
    class: (site.funded ? 'is-funded ' : '') + (site.row === state.site ? 'is-chosen' : ''),
    'aria-current': site.row === state.site ? 'true' : null,
  });
  for (const column of COLUMNS) row.append(el('td', { class: column.class }, column.cell(site)));
  return row;
}

function renderTable() {
  renderHead();
  shownSites = sortSites(sites.filter((site) => site.on));
  const last = Math.max(0, Math.ceil(shownSites.length / PAGE_ROWS) - 1);
  state.page = Math.min(state.page, last);
  const start = state.page * PAGE_ROWS;
  const rows = shownSites.slice(start, start + PAGE_ROWS).map(siteRow);
  clear(byId('rows'), ...rows);
  const lead = rows.find((row) => row.classList.contains('is-chosen')) || rows[0];
  if (lead) lead.tabIndex = 0;
  const nothing = byId('nothing');
  nothing.hidden = rows.length > 0;
  nothing.textContent = sites.length ? t('none-found') : t('no-sites');
  byId('pager').hidden = last === 0;
  byId('page-text').textContent = t('page-of', { from: number(start + 1), to: number(start + rows.length), total: number(shownSites.length) });
  byId('page-back').disabled = state.page === 0;
  byId('page-on').disabled = state.page === last;
}

function turnPage(step) {
  state.page += step;
  renderTable();
  byId('ranking').scrollTop = 0;
  writeHash();
}

function rowOf(site) { return document.querySelector('#rows tr[data-site="' + site + '"]'); }

// Turns to the page that holds the chosen site and brings its row into view.
function showRow(site) {
  const at = shownSites.findIndex((one) => one.row === site);
  if (at < 0) return;
  state.page = Math.floor(at / PAGE_ROWS);
  renderTable();
  const row = rowOf(site);
  if (row) row.scrollIntoView({ block: 'nearest' });
}

function markRow() { markChosen(byId('rows'), (row) => Number(row.dataset.site) === state.site); }

function markChosen(body, isChosen) {
  for (const row of body.children) {
    const chosen = isChosen(row);
    row.classList.toggle('is-chosen', chosen);
    if (chosen) row.setAttribute('aria-current', 'true'); else row.removeAttribute('aria-current');
    row.tabIndex = chosen ? 0 : -1;
  }
  if (body.children.length && !body.querySelector('[tabindex="0"]')) body.firstElementChild.tabIndex = 0;
}

// Rows answer to a click, and to arrows, Home, End and Enter.
function walkRows(body, choose) {
  body.addEventListener('click', (event) => {
    const row = event.target.closest('tr');
    if (row) choose(row, { from: 'table' });
  });
  body.addEventListener('keydown', (event) => {
    const row = event.target.closest('tr');
    if (!row) return;
    const to = { ArrowDown: row.nextElementSibling, ArrowUp: row.previousElementSibling,
      Home: body.firstElementChild, End: body.lastElementChild }[event.key];
    if (to) {
      event.preventDefault();
      row.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      choose(row, { from: 'table', focus: true });
    }
  });
}

function startTable() {
  walkRows(byId('rows'), (row, options) => chooseSite(Number(row.dataset.site), options));
  byId('page-back').addEventListener('click', () => turnPage(-1));
  byId('page-on').addEventListener('click', () => turnPage(1));
}

// --- The line above: what is funded, what it buys, and whether the crashes add up -------

function summaryParts() {
  const funded = projects.filter((project) => project.funded);
  const parts = [];
  const shown = sites.filter((site) => site.on).length;
  if (sitesFiltered()) parts.push(t('summary.shown', { shown: number(shown), sites: number(sites.length) }));
  if (META.budget === null && !funded.length) {
    if (!sitesFiltered()) parts.push(t('summary.sites', { sites: number(sites.length) }));
    parts.push(t('summary.no-budget'));
  } else {
    parts.push(t('summary.funded', { funded: number(sites.filter((site) => site.funded).length), sites: number(sites.length) }));
    const off = funded.filter((project) => project.site === null).length;
    if (off) parts.push(t('summary.elsewhere', { n: number(off) }));
    const spent = money(total(funded.map((project) => project.row), projects.map((project) => project.cost)) || 0);
    parts.push(META.budget === null ? t('summary.spent', { spent, unit: moneyUnit() })
      : t('summary.budget', { spent, budget: money(META.budget), unit: moneyUnit() }));
    const saved = total(funded.map((project) => project.row), projects.map((project) => project.deaths_avoided));
    if (saved !== null) parts.push(t('summary.deaths', { deaths: number(saved, 1) }));
  }
  return parts;
}

function countsText() {
  const counts = META.counts;
  return t('summary.crashes', Object.fromEntries(Object.entries(counts).map(([key, n]) => [key, number(n)])));
}

function filterWords() {
  const words = [];
  if (state.from > years[0] || state.to < years[years.length - 1]) {
    words.push(state.from === state.to ? String(state.from) : state.from + '–' + state.to);
  }
  if (severitiesHere.some((severity) => !state.severities.has(severity))) {
    words.push(severitiesHere.filter((severity) => state.severities.has(severity)).map((severity) => t('short.' + severity).toLocaleLowerCase()).join(', ') || DASH);
  }
  return words;
}

function renderSummary() {
  const [lead, ...rest] = isRailView() ? railSummaryParts() : summaryParts();
  const line = el('span', { class: 'lead' }, el('b', { text: lead }), ...rest.flatMap((part) => [' · ', part]));
  const counted = el('span', { class: 'counted', text: isRailView() ? railCountsText() : countsText() });
  const words = isRailView() ? [] : filterWords();
  clear(byId('summary'), line, counted,
    words.length ? el('span', { class: 'narrowed', text: t('summary.filtered', { what: words.join('; ') }) }) : null);
  const by = told(isRailView() ? META.rating : META.rank_by);
  byId('rank-by').textContent = byId('rank-by').title = by ? t('rank-by') + ': ' + by : '';
}

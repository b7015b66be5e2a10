// --- The table of level crossings -------------------------------------------------------

let shownRails = [];

const RAIL_COLUMNS = [
  { key: 'rank', class: 'c-order', value: (row) => row.rank, cell: railRankCell },
  { key: 'name', class: 'c-place', value: alongLine, cell: railPlaceCell },
  { key: 'kind', class: 'c-kind', value: (row) => CROSSING_KINDS.indexOf(row.type), cell: railKindCell },
  { key: 'guard', class: 'c-guard', value: (row) => (row.ofRegister && isKnown(row.complies) ? row.complies : null), cell: railGuardCell },
  { key: 'vehicles', class: 'c-vehicles num', value: (row) => row.vehicles, cell: railVehiclesCell },
  { key: 'trains', class: 'c-trains num', value: (row) => row.trains, cell: (row) => figure(number(row.trains, 1, 0)) },
  { key: 'crashes', class: 'c-struck num', value: (row) => row.crashes, cell: railCrashesCell },
  { key: 'rate', class: 'c-rate num', value: railValue, cell: railRateCell },
];
const RAIL_DOWN_FIRST = new Set(['vehicles', 'trains', 'crashes', 'rate']);

function two(first, second) { return el('span', { class: 'two' }, first, el('span', { class: 'second', text: second, title: second })); }

// In the order in which a train passes them; those on no line come last.
function alongLine(row) { return row.line && isKnown(row.km) ? row.line + ' ' + row.km.toFixed(3) : null; }

function railRankCell(row) {
  return el('span', { class: 'order' }, railIcon(row, row.ofRegister ? 10 : 8), el('span', { class: 'second', text: rankSpan(row) }),
    el('span', { class: 'sr', text: (isKnown(row.rank) ? number(row.rank) : t('rail.unrated')) + ', ' + typeName(row.type) }));
}

function railPlaceCell(row) {
  return two(el('span', { class: 'first', text: railName(row) }), railPlace(row));
}

function railKindCell(row) {
  if (!row.ofRegister) return two(el('span', { text: typeName(row.type) }), isKnown(row.confidence) ? percent(row.confidence) : '');
  return two(el('span', { text: typeName(row.type) }), row.crossing_class ? t('rail.class', { name: row.crossing_class }) : '');
}

function compliesWord(row) { return t('rail.complies-' + (isKnown(row.complies) ? (row.complies ? 'yes' : 'no') : 'unknown')); }

function railGuardCell(row) {
  if (!row.ofRegister) return figure(DASH);
  const word = row.protection_code ? saying('protection', row.protection_code) : row.protection;
  return el('span', { class: 'two' }, word ? el('span', { text: capital(word) }) : figure(DASH),
    el('span', { class: 'second' + (row.failing ? ' is-failing' : ''), text: row.crossing_class || isKnown(row.complies) ? compliesWord(row) : '' }));
}

function railVehiclesCell(row) {
  const counted = row.vehicles_from === 'counted';
  return two(figure(number(row.vehicles)), counted ? t('rail.counted') : interval(row.vehicles_low, row.vehicles_high, 0));
}

function railCrashesCell(row) {
  return two(figure(number(row.crashes)), row.deaths ? t('rail.killed', { n: number(row.deaths) }) : '');
}

function railRateCell(row) {
  return two(figure(rate(railValue(row))), hasAccidents ? rateRange(row.accidents_low, row.accidents_high) : '');
}

// Where the model gives no number of accidents its index ranks, and is called so.
function railColumnName(column) {
  if (column.key === 'rank') return t('column.rank');
  return column.key === 'rate' && !hasAccidents ? t('rail.score') : t('rail.column-' + column.key);
}

function railHead() {
  const units = { vehicles: t('rail.per-day'), trains: t('rail.per-day'), rate: hasAccidents ? t('column.expected-unit') : null };
  clear(byId('rail-columns'), ...RAIL_COLUMNS.map((column) => {
    const sorted = state.rail.sort === column.key;
    const button = el('button', { type: 'button', 'data-rail-sort': column.key, onclick: () => sortRailsBy(column.key),
      'aria-label': column.key === 'rank' ? t('column.rank-long') : null },
      el('span', { text: railColumnName(column) }),
      el('span', { class: 'arrow', 'aria-hidden': 'true', text: sorted ? (state.rail.down ? '▾' : '▴') : '' }),
      units[column.key] ? el('span', { class: 'unit', text: units[column.key] }) : null);
    return el('th', { scope: 'col', class: column.class,
      'aria-sort': sorted ? (state.rail.down ? 'descending' : 'ascending') : 'none' }, button);
  }));
}

function sortRailsBy(key) {
  if (state.rail.sort === key) state.rail.down = !state.rail.down;
  else { state.rail.sort = key; state.rail.down = RAIL_DOWN_FIRST.has(key); }
  state.rail.page = 0;
  renderRailTable();
  writeHash();
  const button = document.querySelector('[data-rail-sort="' + key + '"]');
  if (button) button.focus();
}

function sortRails(found) {
  const column = RAIL_COLUMNS.find((one) => one.key === state.rail.sort) || RAIL_COLUMNS[0];
  const keyed = found.map((row) => [column.value(row), row]);
  return keyed.sort((a, b) => compare(a[0], b[0], state.rail.down) || a[1].row - b[1].row).map(([, row]) => row);
}

function railRow(row) {
  const chosen = row.row === state.crossing;
  const line = el('tr', { 'data-crossing': row.row, tabindex: '-1', class: chosen ? 'is-chosen' : null, 'aria-current': chosen ? 'true' : null });
  for (const column of RAIL_COLUMNS) line.append(el('td', { class: column.class }, column.cell(row)));
  return line;
}

function renderRailTable() {
  railHead();
  shownRails = sortRails(rails.filter((row) => row.on));
  const last = Math.max(0, Math.ceil(shownRails.length / PAGE_ROWS) - 1);
  state.rail.page = Math.min(state.rail.page, last);
  const start = state.rail.page * PAGE_ROWS;
  const lines = shownRails.slice(start, start + PAGE_ROWS).map(railRow);
  clear(byId('rail-rows'), ...lines);
  const lead = lines.find((line) => line.classList.contains('is-chosen')) || lines[0];
  if (lead) lead.tabIndex = 0;
  byId('rail-nothing').hidden = lines.length > 0;
  byId('rail-nothing').textContent = rails.length ? t('rail.none-found') : t('rail.none');
  byId('rail-pager').hidden = last === 0;
  byId('rail-page-text').textContent = t('page-of', { from: number(start + 1), to: number(start + lines.length), total: number(shownRails.length) });
  byId('rail-page-back').disabled = state.rail.page === 0;
  byId('rail-page-on').disabled = state.rail.page === last;
}

function turnRailPage(step) {
  state.rail.page += step;
  renderRailTable();
  byId('crossings').scrollTop = 0;
  writeHash();
}

function railRowOf(row) { return document.querySelector('#rail-rows tr[data-crossing="' + row + '"]'); }

function showRailRow(row) {
  const at = shownRails.findIndex((one) => one.row === row);
  if (at < 0) return;
  state.rail.page = Math.floor(at / PAGE_ROWS);
  renderRailTable();
  const line = railRowOf(row);
  if (line) line.scrollIntoView({ block: 'nearest' });
}

function railSummaryParts() {
  const count = (test) => rails.filter((row) => row.on && test(row)).length;
  const parts = [railFiltered() ? t('rail.shown', { shown: number(shownRails.length), n: number(rails.length) })
    : t('rail.count', { n: number(count((row) => row.ofRegister)) })];
  const kinds = railTypes.filter((type) => type !== 'candidate' && type !== 'review')
    .map((type) => [count((row) => row.type === type), type]).filter(([n]) => n)
    .map(([n, type]) => number(n) + ' ' + typeName(type).toLocaleLowerCase());
  if (kinds.length) parts.push(kinds.join(', '));
  const failing = count((row) => row.failing);
  if (failing) parts.push(t('rail.failing', { n: number(failing) }));
  return parts;
}

function railCountsText() {
  const listed = rails.filter((row) => row.on && row.ofRegister);
  const sum = (name) => total(listed.map((row) => row.row), rails.map((row) => row[name]));
  const waiting = rails.filter((row) => row.on && !row.ofRegister).length;
  return [listed.length ? t('rail.crash-counts', { crashes: number(sum('crashes')), deaths: number(sum('deaths')) }) : null,
    waiting ? t('rail.waiting', { n: number(waiting) }) : null].filter(Boolean).join(' · ');
}

// --- Filters of the crossings -----------------------------------------------------------

function renderRailFilters() {
  if (!RAIL) return;
  clear(byId('rail-line'), el('option', { value: '', text: t('rail.line-all') }),
    ...railLines.map((line) => el('option', { value: line, text: line }))).value = state.rail.line;
  byId('rail-line').hidden = railLines.length < 2;
  clear(byId('rail-complies'), el('option', { value: '', text: t('rail.complies-all') }),
    ...Object.keys(COMPLIES).map((key) => el('option', { value: key, text: t('rail.complies-' + key) }))).value = state.rail.complies;
  byId('rail-complies').hidden = !rails.some((row) => isKnown(row.complies));
  clear(byId('rail-types'), ...railTypes.map((type) => el('button', {
    type: 'button', class: 'chip', 'data-type': type, 'aria-pressed': String(state.rail.types.has(type)),
    onclick: () => {
      toggle(state.rail.types, type, !state.rail.types.has(type));
      filtersChanged();
      document.querySelector('[data-type="' + type + '"]').focus();
    },
  }, railTypeIcon(type), el('span', { text: typeName(type) }))));
}

function clearRailFilters() {
  Object.assign(state.rail, { query: '', line: '', complies: '', types: new Set(CROSSING_KINDS), page: 0 });
  state.area = '';
}

function startRails() {
  byId('tab-crossings').hidden = !RAIL;
  if (!RAIL) return;
  walkRows(byId('rail-rows'), (line, options) => chooseCrossing(Number(line.dataset.crossing), options));
  byId('rail-page-back').addEventListener('click', () => turnRailPage(-1));
  byId('rail-page-on').addEventListener('click', () => turnRailPage(1));
  for (const key of ['line', 'complies']) {
    byId('rail-' + key).addEventListener('input', (event) => { state.rail[key] = event.target.value; filtersChanged(); });
  }
}

// --- The address keeps the crossings' view ----------------------------------------------

function writeRailHash(kept) {
  if (!RAIL) return;
  const { query, line, types, complies, sort, down, page, layer } = state.rail;
  if (state.crossing >= 0) kept.set('x', rails[state.crossing].id);
  if (state.closure >= 0) kept.set('c', closures[state.closure].id);
  if (query) kept.set('rq', query);
  if (line) kept.set('rl', line);
  if (complies) kept.set('rc', complies);
  if (railTypes.some((type) => !types.has(type))) kept.set('rk', railTypes.filter((type) => types.has(type)).join(','));
  if (sort !== 'rank' || down) kept.set('ro', sort + (down ? '-' : ''));
  if (page) kept.set('rn', page + 1);
  if (!layer) kept.set('rx', '0');
}

function readRailHash(kept) {
  clearRailFilters();
  if (!RAIL) return;
  const order = (kept.get('ro') || 'rank').match(/^([a-z]+)(-?)$/);
  Object.assign(state.rail, {
    query: kept.get('rq') || '',
    line: railLines.includes(kept.get('rl')) ? kept.get('rl') : '',
    complies: kept.get('rc') in COMPLIES ? kept.get('rc') : '',
    types: someOf(kept.get('rk'), CROSSING_KINDS),
    sort: order && RAIL_COLUMNS.some((column) => column.key === order[1]) ? order[1] : 'rank',
    down: Boolean(order && order[2]),
    page: Math.max(0, (Number(kept.get('rn')) || 1) - 1),
    layer: kept.get('rx') !== '0',
  });
  state.crossing = kept.get('x') === null ? -1 : rails.findIndex((row) => row.id === kept.get('x'));
  const options = state.crossing < 0 ? [] : rails[state.crossing].options;
  const option = options.find((one) => one.id === kept.get('c'));
  state.closure = option ? option.row : -1;
}

// --- As CSV and on paper ----------------------------------------------------------------

function railsCsv() {
  const head = [t('column.rank-long'), t('rail.rank-low'), t('rail.rank-high'), t('rail.id'), t('rail.column-name'), t('rail.line'), t('rail.column-km'),
    t('column.area'), t('rail.column-kind'), t('rail.class-name'), t('rail.column-guard'), t('rail.complies'), t('rail.vehicles'), t('rail.vehicles-low'),
    t('rail.vehicles-high'), t('rail.vehicles-from'), t('rail.trains'), t('rail.crashes'), t('column.deaths'), t('rail.accidents'),
    t('rail.accidents-low'), t('rail.accidents-high'), t('rail.score'), t('rail.confidence')];
  return csvLines(head, shownRails.map((row) => [csvNumber(row.rank), csvNumber(row.rank_low), csvNumber(row.rank_high), csvText(row.id), csvText(railName(row)),
    csvText(row.line), csvNumber(row.km), csvText(row.area), csvText(typeName(row.type)), csvText(row.crossing_class),
    csvText(row.protection_code ? saying('protection', row.protection_code) : row.protection), csvText(row.ofRegister ? compliesWord(row) : ''),
    csvNumber(row.vehicles), csvNumber(row.vehicles_low), csvNumber(row.vehicles_high), csvText(row.vehicles_from ? saying('vehicles-from', row.vehicles_from) : ''),
    csvNumber(row.trains), csvNumber(row.crashes), csvNumber(row.deaths), csvNumber(row.accidents), csvNumber(row.accidents_low), csvNumber(row.accidents_high),
    csvNumber(row.score), csvNumber(row.confidence)]));
}

function railPaperFilters() {
  const { query, line, types, complies } = state.rail;
  const words = [line, complies ? t('rail.complies-' + complies) : '', state.area, query.trim() ? '“' + query.trim() + '”' : ''].filter(Boolean);
  if (railTypes.some((type) => !types.has(type))) words.push(railTypes.filter((type) => types.has(type)).map(typeName).join(', ') || DASH);
  return words.length ? el('p', { class: 'muted', text: t('filters') + ': ' + words.join('; ') }) : null;
}

function railPaperTable(rows) {
  return el('table', { class: 'paper-table rail-paper' },
    el('thead', {}, el('tr', {}, ...RAIL_COLUMNS.map((column) => el('th', { class: column.class,
      text: railColumnName(column) })))),
    el('tbody', {}, ...rows.map((row) => el('tr', {}, ...RAIL_COLUMNS.map((column) => el('td', { class: column.class },
      column.key === 'rank' ? railIcon(row, 6) : column.cell(row)))))));
}

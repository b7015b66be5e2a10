// --- Filters, tabs, language -----------------------------------------------------------

function refresh() {
  applyFilters();
  applyRailFilters();
  renderTableOfTab();
  renderSummary();
  if (state.tab === 'programme') renderProgramme();
  renderClear();
  scene.redraw();
  writeHash();
}

function toggle(set, value, on) { if (on) set.add(value); else set.delete(value); }

function filtersChanged() { state.page = 0; state.rail.page = 0; refresh(); renderMenus(); renderRailFilters(); }

function renderClear() { byId('filters-clear').hidden = !(isRailView() ? railFiltered() : sitesFiltered()); }

function renderYears() {
  const options = () => years.map((year) => el('option', { value: year, text: String(year) }));
  clear(byId('year-from'), ...options()).value = String(state.from);
  clear(byId('year-to'), ...options()).value = String(state.to);
}

function renderSeverities() {
  clear(byId('severities'), ...severitiesHere.map((severity) => el('button', {
    type: 'button', class: 'chip', 'data-severity': severity, title: term('severity', severity),
    'aria-pressed': String(state.severities.has(severity)),
    onclick: () => {
      toggle(state.severities, severity, !state.severities.has(severity));
      filtersChanged();
      document.querySelector('[data-severity="' + severity + '"]').focus();
    },
  }, severityIcon(severity), el('span', { text: t('short.' + severity) }))));
}

function renderMenu(id, name, here, set, group, iconOf) {
  const box = byId(id);
  const on = here.filter((code) => set.has(code));
  const words = on.length === here.length ? t('all') : on.map((code) => term(group, code)).join(', ') || DASH;
  clear(box.querySelector('summary'), el('span', { class: 'name', text: name }), el('span', { class: 'value', text: words }));
  if (box.querySelector('.choices').childElementCount && box.contains(document.activeElement) && box.dataset.language === state.language) return;
  box.dataset.language = state.language;
  clear(box.querySelector('.choices'), ...here.map((code) => el('label', {},
    el('input', { type: 'checkbox', value: code, checked: set.has(code),
      onchange: (event) => { toggle(set, code, event.target.checked); filtersChanged(); } }),
    iconOf(code), el('span', { text: term(group, code) }))));
  box.hidden = here.length < 2;
}

function renderMenus() {
  renderSeverities();
  renderMenu('kinds', t('type'), kindsHere, state.kinds, 'kind', kindIcon);
  renderMenu('verdicts', t('verdict-title'), verdictsHere, state.verdicts, 'verdict', (verdict) => badgeIcon('junction', verdict, '', false, 6));
}

function renderFilters() {
  renderYears();
  renderMenus();
  renderRailFilters();
  clear(byId('area'), el('option', { value: '', text: t('area-all') }),
    ...areaNames.map((name) => el('option', { value: name, text: name }))).value = state.area;
  byId('area').hidden = areaNames.length === 0;
}

// Each tab has its own filters, but for the area, and its own search.
function renderFiltersOfTab() {
  byId('site-filters').hidden = isRailView();
  byId('rail-filters').hidden = !isRailView();
  byId('search').value = isRailView() ? state.rail.query : state.query;
  renderClear();
}

function clearFilters() {
  Object.assign(state, {
    from: years[0] || 0, to: years[years.length - 1] || 0, severities: new Set(SEVERITIES),
    kinds: new Set(KINDS), verdicts: new Set(VERDICTS), area: '', query: '', page: 0,
  });
}

const TABS = ['ranking', 'crossings', 'programme'];

function chooseTab(tab) {
  state.tab = tab;
  for (const name of TABS) {
    const on = name === tab;
    byId('tab-' + name).setAttribute('aria-selected', String(on));
    byId('tab-' + name).tabIndex = on ? 0 : -1;
    byId(name).hidden = !on;
  }
  if (tab === 'programme') renderProgramme();
  renderTableOfTab();
  renderFiltersOfTab();
  renderSummary();
  clear(byId('legend-body'), ...legendGroups());
  scene.redraw();
  writeHash();
}

// Of the two rankings only the one that is seen is drawn.
function renderTableOfTab() {
  if (isRailView()) renderRailTable(); else renderTable();
}

function tabsHere() { return TABS.filter((tab) => tab !== 'crossings' || RAIL); }

function zoomToArea() {
  const area = areas.find((one) => one.name === state.area);
  if (!area) { if (!state.area) fitWhole(); return; }
  const box = area.paths.reduce((all, path) => [Math.min(all[0], path.box[0]), Math.min(all[1], path.box[1]),
    Math.max(all[2], path.box[2]), Math.max(all[3], path.box[3])], [Infinity, Infinity, -Infinity, -Infinity]);
  map.fitBounds([[latitude(box[3]), box[0] * 360 - 180], [latitude(box[1]), box[2] * 360 - 180]],
    { animate: false, padding: [16, 16] });
}

function renderLanguages() {
  clear(byId('languages'), ...LANGUAGES.map((language) => el('button', {
    type: 'button', lang: language, 'aria-pressed': String(language === state.language),
    text: language.toUpperCase(), 'data-language': language,
    onclick: () => {
      state.language = language;
      renderAll();
      writeHash();
      document.querySelector('[data-language="' + language + '"]').focus();
    },
  })));
}

function renderTexts() {
  document.documentElement.lang = state.language;
  document.title = told(META.title);
  for (const node of document.querySelectorAll('[data-text]')) node.textContent = t(node.dataset.text);
  for (const node of document.querySelectorAll('[data-label]')) {
    const text = node.dataset.label === 'area' ? t('column.area') : t(node.dataset.label);
    node.setAttribute('aria-label', text);
  }
  if (RAIL) byId('tab-ranking').textContent = t('rail.sites-tab');
  byId('search').placeholder = t('search');
  byId('title').textContent = told(META.title);
  byId('period').textContent = META.start || META.end ? day(META.start) + ' – ' + day(META.end) : '';
  for (const id of ['simulated', 'watermark']) {
    byId(id).hidden = !META.simulated;
    byId(id).textContent = t('simulated');
  }
  byId('simulated').title = t('simulated-title');
  map.getContainer().setAttribute('aria-label', t('map-label'));
}

function legendLine(symbol, text) { return el('li', {}, symbol, el('span', { text })); }

function lineIcon(...classes) {
  return svg('svg', { viewBox: '0 0 26 10', width: 26, height: 10, class: 'icon', 'aria-hidden': 'true' },
    ...classes.map(([kind, width, dash]) => svg('path', { d: 'M1 5H25', class: 'f-no ' + kind, 'stroke-width': width, 'stroke-dasharray': dash })));
}

function legendGroup(title, ...lines) {
  const kept = lines.filter(Boolean);
  return kept.length ? el('div', {}, el('h3', { text: title }), el('ul', {}, ...kept)) : null;
}

function siteLegend() {
  return [
    legendGroup(t('legend.by-fill'),
      ...verdictsHere.map((verdict) => legendLine(badgeIcon('junction', verdict, verdict === 'black-spot' ? '1' : '', false, 6.5), term('verdict', verdict))),
      sites.some((site) => site.funded) ? legendLine(badgeIcon('junction', 'potential', '', true, 5.5), t('legend.funded')) : null),
    legendGroup(t('legend.by-shape'), ...kindsHere.map((kind) => legendLine(kindIcon(kind), term('kind', kind))),
      sites.some((site) => site.paths.length && !site.polygon) ? legendLine(lineIcon(['s-black-spot', 4.5]), t('legend.stretch')) : null),
  ];
}

function legendGroups(onPaper) {
  const kinds = new Set(crossings.map((crossing) => crossing.kind || 'unknown'));
  const weights = new Set(roads.map((road) => Math.min(2, road.weight)));
  const crashTitle = isRailView() ? t('rail.crashes-close') : t('legend.crashes');
  return [
    ...(isRailView() ? railLegend(onPaper) : siteLegend()),
    crashCount ? legendGroup(crashTitle, ...severitiesHere.map((severity) => legendLine(severityIcon(severity), term('severity', severity)))) : null,
    ...(isRailView() ? [] : railLegend(onPaper)),
    legendGroup(t('legend.crossings'), ...['official', 'self-opened', 'unknown'].filter((kind) => kinds.has(kind))
      .map((kind) => legendLine(crossingIcon(kind), t('legend.' + kind)))),
    legendGroup(t('legend.lines'),
      weights.has(0) ? legendLine(lineIcon(['s-road-0-case', 5], ['s-road-0', 3]), t('legend.national')) : null,
      weights.has(1) ? legendLine(lineIcon(['s-road-1', 2.4]), t('legend.provincial')) : null,
      weights.has(2) ? legendLine(lineIcon(['s-road-2', 1.4]), t('legend.other')) : null,
      railways.length ? legendLine(lineIcon(['s-rail', 3.4], ['s-rail-gap', 1.8, '5 5']), t('legend.railway')) : null,
      areas.length ? legendLine(lineIcon(['s-edge', 1.2, '4 3']), t('legend.area')) : null,
      towns.length ? legendLine(icon(14, shapeNode({ shape: 'circle', fill: 'paper', stroke: 'town', width: 0.5 }, 3)), t('legend.town')) : null),
  ];
}

function renderNotes() {
  const counts = META.counts;
  const list = (items) => el('ul', { class: 'plain' }, ...items.map((text) => el('li', { text })));
  const reasons = Object.entries(META.reasons).map(([code, n]) => term('reason', code) + ': ' + number(n));
  clear(byId('notes'), el('header', {}, el('h2', { id: 'notes-title', text: t('notes.title') }),
    el('button', { type: 'button', class: 'button quiet close', 'aria-label': t('close'), text: '×', onclick: () => byId('notes').close() })),
  el('div', { class: 'notes-body' }, ...notesParts(counts, reasons, list)));
}

function notesParts(counts, reasons, list) {
  return [
    META.simulated ? el('p', { class: 'badge wide', text: t('simulated') + ': ' + t('simulated-title') }) : null,
    told(META.definition) ? part(t('notes.definition'), el('p', { text: told(META.definition) })) : null,
    part(t('notes.counts'), pairs(['read', 'placed', 'unplaced', 'rejected'].map((key) => [t('notes.' + key), number(counts[key])])),
      reasons.length ? el('p', { class: 'muted reasons', text: t('notes.reasons') }) : null, reasons.length ? list(reasons) : null),
    META.notes.length || told(META.rank_by) ? part(t('notes.methods'), list([
      told(META.rank_by) ? t('rank-by') + ': ' + told(META.rank_by) : null, ...META.notes.map(told), t('notes.unknown-note'),
    ].filter(Boolean))) : null,
    part(t('notes.sources'), list([...META.sources, t('notes.software')])),
  ].filter(Boolean);
}

function renderAll() {
  renderTexts();
  renderLanguages();
  renderFilters();
  renderNotes();
  placeControls();
  applyFilters();
  applyRailFilters();
  renderSheet();
  chooseTab(state.tab);
}

function startFilters() {
  const onChange = (id, apply) => byId(id).addEventListener('input', (event) => { apply(event.target.value); filtersChanged(); });
  onChange('year-from', (value) => { state.from = Number(value); if (state.to < state.from) { state.to = state.from; renderYears(); } });
  onChange('year-to', (value) => { state.to = Number(value); if (state.to < state.from) { state.from = state.to; renderYears(); } });
  onChange('area', (value) => { state.area = value; zoomToArea(); });
  onChange('search', (value) => { if (isRailView()) state.rail.query = value; else state.query = value; });
  byId('filters').addEventListener('submit', (event) => event.preventDefault());
  byId('filters-clear').addEventListener('click', () => {
    if (isRailView()) clearRailFilters(); else clearFilters();
    renderFilters();
    renderFiltersOfTab();
    refresh(); byId('search').focus();
  });
  byId('filters-open').addEventListener('click', () => {
    const open = byId('filters').classList.toggle('is-open');
    byId('filters-open').setAttribute('aria-expanded', String(open));
  });
  const tabs = tabsHere();
  for (const tab of tabs) {
    byId('tab-' + tab).addEventListener('click', () => chooseTab(tab));
    byId('tab-' + tab).addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowRight' && event.key !== 'ArrowLeft') return;
      const step = event.key === 'ArrowRight' ? 1 : tabs.length - 1;
      const other = tabs[(tabs.indexOf(tab) + step) % tabs.length];
      chooseTab(other);
      byId('tab-' + other).focus();
    });
  }
  document.addEventListener('click', (event) => {
    for (const menu of document.querySelectorAll('.menu[open]')) if (!menu.contains(event.target)) menu.open = false;
  });
}

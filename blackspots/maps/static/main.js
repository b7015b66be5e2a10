// --- The address keeps the view; then the start ----------------------------------------

let quiet = true;

function writeHash() {
  if (quiet) return;
  const centre = map.getCenter();
  const kept = new URLSearchParams();
  kept.set('l', state.language);
  kept.set('v', [centre.lat.toFixed(5), centre.lng.toFixed(5), map.getZoom().toFixed(2)].join(','));
  if (state.tab !== 'ranking') kept.set('t', state.tab);
  if (state.site >= 0) kept.set('s', sites[state.site].id);
  if (state.project >= 0) kept.set('p', projects[state.project].id);
  if (state.from > years[0] || state.to < years[years.length - 1]) kept.set('y', state.from + '-' + state.to);
  const keep = (key, here, set) => {
    if (here.some((code) => !set.has(code))) kept.set(key, here.filter((code) => set.has(code)).join(','));
  };
  keep('sev', severitiesHere, state.severities);
  keep('k', kindsHere, state.kinds);
  keep('d', verdictsHere, state.verdicts);
  writeRailHash(kept);
  if (state.area) kept.set('a', state.area);
  if (state.query) kept.set('q', state.query);
  if (state.sort !== 'rank' || state.down) kept.set('o', state.sort + (state.down ? '-' : ''));
  if (state.page) kept.set('n', state.page + 1);
  try {
    history.replaceState(null, '', '#' + kept.toString());
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // a notebook's frame has no address
  }
}

function someOf(text, all) {
  if (text === null) return new Set(all);
  const wanted = text.split(',');
  return new Set(all.filter((code) => wanted.includes(code)));
}

function readHash() {
  const kept = new URLSearchParams(location.hash.slice(1));
  clearFilters();
  if (LANGUAGES.includes(kept.get('l'))) state.language = kept.get('l');
  state.tab = tabsHere().includes(kept.get('t')) ? kept.get('t') : 'ranking';
  readRailHash(kept);
  const span = (kept.get('y') || '').match(/^(\d{4})-(\d{4})$/);
  if (span) {
    state.from = Math.max(years[0], Number(span[1]));
    state.to = Math.min(years[years.length - 1], Number(span[2]));
  }
  state.severities = someOf(kept.get('sev'), SEVERITIES);
  state.kinds = someOf(kept.get('k'), KINDS);
  state.verdicts = someOf(kept.get('d'), VERDICTS);
  state.area = areaNames.includes(kept.get('a')) ? kept.get('a') : '';
  state.query = kept.get('q') || '';
  const order = (kept.get('o') || 'rank').match(/^([a-z]+)(-?)$/);
  state.sort = order && COLUMNS.some((column) => column.key === order[1]) ? order[1] : 'rank';
  state.down = Boolean(order && order[2]);
  state.page = Math.max(0, (Number(kept.get('n')) || 1) - 1);
  state.site = sites.findIndex((site) => site.id === kept.get('s'));
  state.project = projects.findIndex((project) => project.id === kept.get('p'));
  if (state.crossing >= 0) state.site = state.project = -1;
  return (kept.get('v') || '').split(',').map(Number);
}

function restore() {
  quiet = true;
  const view = readHash();
  renderAll();
  if (view.length === 3 && view.every(Number.isFinite) && Math.abs(view[0]) < 86) map.setView([view[0], view[1]], view[2], { animate: false });
  else fitWhole();
  if (state.site >= 0) showRow(state.site);
  if (state.crossing >= 0) showRailRow(state.crossing);
  quiet = false;
}

function start() {
  readColours();
  startMap();
  startTable();
  startRails();
  startFilters();
  startExport();
  byId('legend').open = window.matchMedia('(min-width: 1600px) and (min-height: 800px)').matches;
  byId('notes-open').addEventListener('click', () => byId('notes').showModal());
  byId('skip').addEventListener('click', () => {
    const row = document.querySelector((isRailView() ? '#rail-rows' : '#rows') + ' tr[tabindex="0"]');
    if (row) row.focus();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || byId('notes').open) return;
    const menu = document.querySelector('.menu[open]');
    if (menu) { menu.open = false; menu.querySelector('summary').focus(); } else closeSheet();
  });
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { readColours(); scene.redraw(); });
  window.addEventListener('hashchange', restore);
  restore();
}

start();

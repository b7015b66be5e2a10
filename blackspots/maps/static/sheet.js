// --- The evidence sheet of one site ----------------------------------------------------

function part(title, ...children) {
  return el('section', { class: 'part' }, el('h3', { text: title }), ...children);
}

function pairs(rows) {
  return el('dl', { class: 'pairs' }, ...rows.filter(Boolean).flatMap(([name, value]) => [
    el('dt', { text: name }), el('dd', {}, value instanceof Node ? value : figure(String(value))),
  ]));
}

function verdictLine(site) {
  return el('p', { class: 'verdict' }, badgeIcon(site.kind, site.verdict, '', false, 6),
    el('b', { text: term('verdict', site.verdict) }),
    site.funded ? el('span', { class: 'pill', text: t('sheet.funded') }) : null);
}

function listedPart(site) {
  const rows = [[t('sheet.rule'), term('rule', site.rule)]];
  const span = site.window_start || site.window_end ? day(site.window_start) + ' – ' + day(site.window_end) : null;
  const met = site.window.length ? t('sheet.window-crashes', { n: number(site.window.length) }) : null;
  if (span || met) rows.push([t('sheet.window'), [span, met].filter(Boolean).join(' · ')]);
  if (site.agreement) rows.push([t('sheet.agreement'), term('agreement', site.agreement)]);
  if (isKnown(site.length)) rows.push([t('sheet.length'), number(site.length) + ' m']);
  return part(t('sheet.listed'), pairs(rows));
}

function countsPart(site) {
  const figures = el('div', { class: 'figures-row' },
    bigFigure(number(site.crashes), t('sheet.crashes')),
    bigFigure(number(site.deaths), t('sheet.deaths')),
    bigFigure(number(site.injured), t('sheet.injured')));
  const list = el('ul', { class: 'tally' }, ...severitiesHere.map((severity) => el('li', {
    class: site[severity] ? '' : 'zero', title: term('severity', severity) },
    severityIcon(severity), el('span', { text: t('short.' + severity) }), el('b', { text: number(site[severity]) }))));
  return part(t('sheet.counts'), figures, list);
}

function bigFigure(value, name) {
  return el('div', { class: 'big' }, el('b', {}, figure(value)), el('span', { text: name }));
}

function expectedPart(site) {
  const key = (kind, name, value) => el('li', {}, el('span', { class: 'key ' + kind }), el('span', { text: name }), el('b', {}, figure(value)));
  const range = isKnown(site.expected_low) ? t('sheet.interval', { low: number(site.expected_low, 2), high: number(site.expected_high, 2) }) : null;
  const observed = site.years ? number(site.crashes / site.years, 2) : DASH;
  return part(t('sheet.per-year-expected'), expectedChart(site),
    el('ul', { class: 'keys' }, key('k-expected', t('sheet.expected'), number(site.expected, 2)),
      range ? el('li', { class: 'under', text: range }) : null,
      key('k-predicted', t('sheet.predicted'), number(site.predicted, 2)),
      key('k-observed', t('sheet.observed'), observed)),
    pairs([[t('sheet.excess'), number(site.excess, 2)], [t('sheet.p-excess'), percent(site.p_excess)],
      [t('sheet.weight'), number(site.weight, 2)],
      isKnown(site.cost_per_year) ? [t('sheet.cost-per-year'), money(site.cost_per_year) + ' ' + moneyUnit()] : null]));
}

function workCard(project) {
  const saved = isKnown(project.crashes_avoided) || isKnown(project.deaths_avoided)
    ? t('sheet.avoided-text', { crashes: number(project.crashes_avoided, 2), deaths: number(project.deaths_avoided, 2) }) : DASH;
  const unit = ' ' + moneyUnit();
  const sum = (value) => (isKnown(value) ? money(value) + unit : DASH);
  return el('li', { class: project.funded ? 'job is-funded' : 'job' },
    el('p', { class: 'job-name' }, el('b', { text: workName(project) || DASH }),
      el('span', { class: project.funded ? 'pill' : 'pill quiet', text: project.funded ? t('sheet.funded') : t('sheet.not-funded') })),
    project.funded ? null : el('p', { class: 'reason', text: term('why', project.why) }),
    pairs([[t('sheet.cost'), sum(project.cost)], [t('sheet.benefit'), sum(project.benefit)], [t('sheet.npv'), sum(project.npv)],
      [t('sheet.bcr'), number(project.bcr, 2)], [t('sheet.avoided'), saved],
      isKnown(project.life) ? [t('sheet.life'), t('sheet.life-years', { n: number(project.life, 1, 0) })] : null,
      [t('sheet.source'), term('source', project.source)],
      project.mark ? [t('sheet.mark'), project.mark + ' – ' + term('mark', project.mark)] : null]));
}

function worksPart(site) {
  const works = [...site.works].sort((a, b) => (a === better(a, b) ? -1 : 1));
  return part(t('sheet.works'), works.length ? el('ul', { class: 'works-list' }, ...works.map(workCard))
    : el('p', { class: 'muted', text: site.why ? term('why', site.why) : t('sheet.no-works') }));
}

function unknownsPart(site) {
  const rows = site.members;
  const missing = (column) => rows.filter((row) => !isKnown(crashes[column][row])).length;
  const found = [['unknown-severity', rows.filter((row) => crashes.severity[row] === 'unknown').length],
    ['unknown-hour', missing('hour')], ['unknown-deaths', missing('deaths')], ['unknown-injured', missing('injured')],
    ['unknown-type', missing('crash_type')]].filter(([, n]) => n > 0);
  if (!rows.length) return null;
  return part(t('sheet.unknowns'), found.length
    ? el('ul', { class: 'plain' }, ...found.map(([key, n]) => el('li', { text: t('sheet.' + key, { n: number(n) }) })))
    : el('p', { class: 'muted', text: t('sheet.unknown-nothing') }));
}

function crashRow(row, inWindow) {
  const hour = crashes.hour[row];
  return el('tr', { class: inWindow ? 'in-window' : '' },
    el('td', {}, el('span', { title: term('severity', crashes.severity[row]) }, severityIcon(crashes.severity[row], 4.5)),
      el('span', { class: 'sr', text: term('severity', crashes.severity[row]) })),
    el('td', { class: 'date', title: crashes.id[row], text: day(crashDate[row]) }),
    el('td', { class: 'num' }, isKnown(hour) ? el('span', { text: number(hour) + ' h' }) : unknownMark()),
    el('td', { class: 'num' }, figureOrMark(crashes.deaths[row])),
    el('td', { class: 'num' }, figureOrMark(crashes.injured[row])),
    el('td', { class: 'type' }, crashes.crash_type[row] === null ? unknownMark() : el('span', { text: crashes.crash_type[row] })));
}

function unknownMark() { return el('span', { class: 'unknown', title: t('unknown'), text: '?' }); }
function figureOrMark(value) { return isKnown(value) ? el('span', { text: number(value) }) : unknownMark(); }

function listPart(site) {
  const rows = [...site.members].reverse();
  if (!rows.length) return part(t('sheet.list'), el('p', { class: 'muted', text: t('sheet.no-crashes') }));
  const window = new Set(site.window);
  const notes = [];
  if (rows.length !== site.crashes) notes.push(t('sheet.listed-of', { n: number(rows.length), total: number(site.crashes) }));
  if (rows.some((row) => window.has(row))) notes.push(t('sheet.in-list'));
  const head = ['', 'date', 'hour', 'deaths', 'injured', 'crash-type'];
  return part(t('sheet.list'), notes.length ? el('p', { class: 'muted', text: notes.join(' · ') }) : null,
    el('table', { class: 'crash-list' },
      el('thead', {}, el('tr', {}, ...head.map((key, i) => el('th', { scope: 'col', class: i > 1 && i < 5 ? 'num' : '' },
        key ? el('span', { text: t('column.' + key) }) : el('span', { class: 'sr', text: t('column.severity') }))))),
      el('tbody', {}, ...rows.map((row) => crashRow(row, window.has(row))))));
}

function sheetParts(site) {
  return [listedPart(site), countsPart(site), expectedPart(site),
    site.members.length ? part(t('sheet.years'), yearChart(site.members)) : null,
    site.members.length ? part(t('sheet.hours'), hourChart(site.members), el('p', { class: 'muted small', text: t('sheet.hours-note') })) : null,
    worksPart(site), unknownsPart(site), listPart(site)];
}

function sheetHead(site) {
  return el('div', { class: 'sheet-name' }, badgeIcon(site.kind, site.verdict, String(site.rank), site.funded, 12),
    el('div', {}, el('h2', { id: 'sheet-title', tabindex: '-1', text: site.label || DASH }),
      el('p', { class: 'muted', text: [term('kind', site.kind), site.area].filter(Boolean).join(' · ') })));
}

function renderSheet() {
  const sheet = byId('sheet');
  const site = sites[state.site];
  const crossing = RAIL ? rails[state.crossing] : undefined;
  sheet.hidden = !site && !crossing;
  document.body.classList.toggle('with-sheet', !sheet.hidden);
  if (sheet.hidden) { sheet.replaceChildren(); return; }
  if (byId('chart').clientWidth < 900) byId('legend').open = false; // it would cover the place
  const close = el('button', { type: 'button', class: 'button quiet close', 'aria-label': t('close'), title: t('close'), text: '×',
    onclick: closeSheet });
  const [head, verdict, parts] = crossing ? [railSheetHead(crossing), railVerdict(crossing), railSheetParts(crossing)]
    : [sheetHead(site), verdictLine(site), sheetParts(site)];
  clear(sheet, el('header', { class: 'sheet-head' }, head, close, verdict),
    el('div', { class: 'sheet-body', tabindex: '0', 'aria-labelledby': 'sheet-title', role: 'group' }, ...parts.filter(Boolean)));
}

// from: 'table', 'map', 'programme' or 'hash'; focus: whether a key opened it.
function chooseSite(row, { from, focus } = {}) {
  state.site = row;
  state.project = -1;
  state.crossing = -1;
  state.closure = -1;
  renderSheet();
  markRow();
  markRails();
  if (from !== 'hash') {
    const site = sites[row];
    if (from === 'map') {
      if (state.tab !== 'ranking') chooseTab('ranking');
      showRow(row);
    }
    if (narrow()) byId('chart').scrollIntoView({ block: 'start' });
    centreOn(site, from === 'map' ? map.getZoom() : 14.5);
  }
  if (state.tab === 'programme') renderProgramme();
  scene.redraw();
  writeHash();
  if (focus) byId('sheet-title').focus();
}

function closeSheet() {
  const was = state.site;
  const crossing = state.crossing;
  const inside = byId('sheet').contains(document.activeElement);
  state.site = -1;
  state.project = -1;
  state.crossing = -1;
  state.closure = -1;
  renderSheet();
  markRow();
  markRails();
  for (const line of document.querySelectorAll('#programme tr.is-chosen')) line.classList.remove('is-chosen');
  scene.redraw();
  writeHash();
  if (inside && was >= 0) {
    const row = state.tab === 'ranking' || !sites[was].works.length ? rowOf(was) : document.querySelector('#programme tr[data-project="' + sites[was].works[0].row + '"]');
    if (row) row.focus();
  } else if (inside && crossing >= 0) {
    const row = railRowOf(crossing);
    if (row) row.focus();
  }
}

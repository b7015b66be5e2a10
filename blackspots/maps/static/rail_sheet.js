// --- The evidence sheet of one level crossing -------------------------------------------

function known(name, value) { return value === null || value === undefined || value === '' || value === DASH ? null : [name, value]; }

function railPlacePart(row) {
  const tracks = isKnown(row.tracks) ? number(row.tracks) + (isKnown(row.main_tracks) ? ' ' + t('rail.main-tracks', { n: number(row.main_tracks) }) : '') : null;
  return part(t('rail.place'), pairs([
    [t('rail.line'), row.line || (row.place_reason ? saying('place-reason', row.place_reason) : DASH)],
    [t('rail.column-km'), kmText(row.km) || DASH],
    [t('column.area'), row.area || DASH],
    known(t('rail.road'), row.ofRegister ? null : row.road_name),
    known(t('rail.road-class'), row.road_class ? aboutWords(row.road_class) : null),
    known(t('rail.width'), isKnown(row.width) ? number(row.width, 1, 0) + ' m' : null),
    known(t('rail.tracks'), tracks),
    known(t('rail.angle'), isKnown(row.angle) ? number(row.angle) + '°' : null),
    row.in_station ? [t('rail.station'), t('yes')] : null,
    known(t('rail.speed'), isKnown(row.speed) ? number(row.speed) + ' km/h' : null),
    known(t('rail.coordinates'), isKnown(row.lat) ? row.lat.toFixed(5) + ', ' + row.lon.toFixed(5) : null),
    [t('rail.id'), row.id],
  ]));
}

function rulesPart(row) {
  const required = (row.required || '').split(';').filter(Boolean).map((code) => saying('protection', code));
  const guard = row.protection_code ? saying('protection', row.protection_code) : row.protection;
  const asRecorded = row.protection && row.protection !== row.protection_code && guard !== row.protection;
  return part(t('rail.rules'), pairs([
    [t('rail.column-kind'), typeName(row.type)],
    [t('rail.class-name'), row.crossing_class || DASH],
    [t('rail.column-guard'), guard || DASH],
    asRecorded ? [t('rail.as-recorded'), '“' + row.protection + '”'] : null,
    [t('rail.required'), required.join(t('rail.or')) || DASH],
    [t('rail.complies'), isKnown(row.complies) || row.type !== 'self-opened' ? compliesWord(row) : DASH],
    row.sight === null ? null : [t('rail.sight'), t(row.sight ? 'yes' : 'no')],
  ]), row.rule_reason ? el('p', { class: 'muted note', text: capital(sayings('rule-reason', row.rule_reason).join('; ')) + '.' }) : null);
}

function trafficPart(row) {
  const range = isKnown(row.vehicles_low) && row.vehicles_low !== row.vehicles_high
    ? ' (' + interval(row.vehicles_low, row.vehicles_high, 0) + ')' : '';
  const perDay = (value, words) => (isKnown(value) ? words + ' ' + t('rail.a-day') : DASH);
  return part(t('rail.traffic'), pairs([
    [t('rail.vehicles'), perDay(row.vehicles, number(row.vehicles) + range)],
    row.vehicles_from ? [t('rail.from'), saying('vehicles-from', row.vehicles_from)] : null,
    [t('rail.trains'), perDay(row.trains, number(row.trains, 1, 0))],
    row.trains_from ? [t('rail.from'), saying('trains-from', row.trains_from)] : null,
    isKnown(row.walkers) ? [t('rail.walkers'), number(row.walkers) + ' ' + t('rail.a-day')] : null,
  ]));
}

function railYears() {
  if (!META.start || !META.end) return null;
  return (Date.parse(META.end) - Date.parse(META.start) + 864e5) / 864e5 / 365.25;
}

function railFiguresPart(row) {
  return part(t('sheet.counts'), el('div', { class: 'figures-row' },
    bigFigure(number(row.crashes), t('rail.with-train')), bigFigure(number(row.deaths), t('sheet.deaths')),
    bigFigure(number(row.injured), t('sheet.injured'))),
  pairs([[t('rail.queue'), number(row.queue_crashes)]]));
}

function ratingPart(row) {
  const span = rankSpan(row) ? ' (' + rankSpan(row) + ')' : '';
  const model = told(META.rating);
  const rank = [t('column.rank-long'), isKnown(row.rank) ? t('rail.rank-of', { rank: number(row.rank) + span, n: number(ratedCount) }) : DASH];
  const rows = [rank, model ? [t('rail.model'), model] : null];
  const reason = row.rate_reason ? el('p', { class: 'reason', text: capital(sayings('rate-reason', row.rate_reason).join('; ')) }) : null;
  if (!isKnown(row.accidents)) {
    const plain = isKnown(row.score) ? el('p', { class: 'reason', text: t('rail.score-about') }) : null;
    return part(t('rail.rating'), reason, pairs([...rows, [t('rail.score'), rate(row.score)]]), plain);
  }
  const years = railYears();
  const chart = expectedChart({ expected: row.accidents, expected_low: row.accidents_low, expected_high: row.accidents_high,
    predicted: row.predicted, crashes: row.crashes, years: isKnown(row.crashes) ? years : null }, 320, t('rail.accidents'), rate(row.accidents));
  const key = (kind, name, value) => el('li', {}, el('span', { class: 'key ' + kind }), el('span', { text: name }), el('b', {}, figure(value)));
  const range = rateRange(row.accidents_low, row.accidents_high);
  return part(t('rail.accidents'), reason, chart, el('ul', { class: 'keys' },
    key('k-expected', t('rail.with-history'), rate(row.accidents)),
    range ? el('li', { class: 'under', text: t('rail.interval', { range }) }) : null,
    key('k-predicted', t('rail.by-model'), rate(row.predicted)),
    years ? key('k-observed', t('sheet.observed'), isKnown(row.crashes) ? rate(row.crashes / years) : DASH) : null),
  pairs([...rows, [t('rail.casualty'), rate(row.casualty)], [t('rail.fatal'), rate(row.fatal)]]));
}

// --- Ways to close paths in the group that the crossing belongs to ------------------------

function roleIn(option, row) {
  if (option.closed.includes(row.row)) return t('rail.role-closed');
  return option.kept.includes(row.row) ? t('rail.role-kept') : t('rail.role-end');
}

function namesOf(rows) { return rows.filter(isKnown).map((at) => kmText(rails[at].km) || railName(rails[at])).join('; '); }

function optionCard(option, row) {
  const sum = (value) => (isKnown(value) ? money(value) + ' ' + moneyUnit() : DASH);
  const metres = (value) => (isKnown(value) ? number(value) + ' m' : DASH);
  const range = isKnown(option.cost_low) && isKnown(option.cost_high) ? ' (' + money(option.cost_low) + '–' + money(option.cost_high) + ')' : '';
  const chosen = option.row === state.closure;
  const deaths = option.avoided_fatal;
  return el('li', { class: 'job' + (chosen ? ' is-drawn' : '') },
    el('p', { class: 'job-name' }, el('b', { text: t('rail.close-n', { n: number(option.n_closed), paths: number(option.paths) }) }),
      option.best ? el('span', { class: 'pill', text: t('rail.best') }) : null),
    pairs([[t('rail.this-one'), roleIn(option, row)],
      [t('rail.closed'), namesOf(option.closed)],
      option.kept.length ? [t('rail.kept'), namesOf(option.kept)] : null,
      [t('sheet.cost'), isKnown(option.cost) ? money(option.cost) + range + ' ' + moneyUnit() : DASH],
      [t('rail.upkeep'), sum(option.upkeep)],
      [t('rail.service-road'), metres(option.service_road)], [t('rail.fence'), metres(option.fence)],
      [t('rail.detour'), isKnown(option.detour_mean) ? t('rail.detour-text', { mean: number(option.detour_mean), longest: number(option.detour_longest) }) : DASH],
      isKnown(option.vehicles_moved) ? [t('rail.moved'), number(option.vehicles_moved) + ' ' + t('rail.a-day')] : null,
      [t('rail.avoided'), isKnown(deaths) ? rate(deaths) : DASH],
      option.mark ? [t('sheet.mark'), option.mark + ' – ' + term('mark', option.mark)] : null]),
    el('button', { type: 'button', class: 'button draw', 'aria-pressed': String(chosen), 'data-closure': option.row,
      text: chosen ? t('rail.drawn') : t('rail.draw'), onclick: () => drawClosure(chosen ? -1 : option.row) }));
}

function closurePart(row) {
  if (!row.options.length) return null;
  const options = [...row.options].sort((a, b) => (b.best || 0) - (a.best || 0) || a.row - b.row);
  const groups = new Map(options.map((option) => [option.group, option]));
  const stretch = [...groups.values()].map((option) => [option.line, [kmText(option.km_from), kmText(option.km_to)].filter(Boolean).join(' – ')].filter(Boolean).join(' '));
  return part(t('rail.closing'), el('p', { class: 'muted', text: stretch.join('; ') }),
    el('ul', { class: 'works-list' }, ...options.map((option) => optionCard(option, row))));
}

function drawClosure(row) {
  state.closure = row;
  const body = document.querySelector('.sheet-body');
  const top = body ? body.scrollTop : 0;
  renderSheet();
  document.querySelector('.sheet-body').scrollTop = top;
  const button = row >= 0 ? document.querySelector('[data-closure="' + row + '"]') : null;
  if (button) button.focus({ preventScroll: true });
  fitClosure(closures[row]);
  scene.redraw();
  writeHash();
}

function fitClosure(option) {
  if (!option) return;
  const ends = [option.from, option.to, ...option.closed].filter((at) => isKnown(at) && rails[at].px >= 0).map((at) => [rails[at].lat, rails[at].lon]);
  for (const path of option.drawn) ends.push([latitude(path.box[1]), path.box[0] * 360 - 180], [latitude(path.box[3]), path.box[2] * 360 - 180]);
  if (!ends.length) return;
  const cover = narrow() ? 0 : byId('sheet').offsetWidth;
  map.fitBounds(L.latLngBounds(ends), { paddingTopLeft: [30, 40], paddingBottomRight: [cover + 30, 40], maxZoom: 16, animate: !reducedMotion() });
}

// --- What is not known, the candidates, the sheet as a whole ------------------------------

function railUnknownsPart(row) {
  const missing = ['kind', 'km', 'area', 'protection', 'crossing_class', 'trains', 'width', 'sight', 'deaths']
    .filter((name) => (name === 'kind' ? row.type === 'unknown' : name === 'protection' ? !row.protection_code : !isKnown(row[name])));
  const notes = missing.map((name) => t('rail.unknown-' + name));
  if (row.vehicles_from !== 'counted') notes.unshift(t(isKnown(row.vehicles) ? 'rail.unknown-count' : 'rail.unknown-vehicles'));
  return part(t('sheet.unknowns'), notes.length ? el('ul', { class: 'plain' }, ...notes.map((text) => el('li', { text })))
    : el('p', { class: 'muted', text: t('rail.unknown-nothing') }));
}

function railCrashTable(title, rows) {
  if (!rows.length) return null;
  const head = ['', 'date', 'hour', 'deaths', 'injured', 'crash-type'];
  const order = [...rows].sort((a, b) => crashes.date[b] - crashes.date[a]);
  return part(title, el('table', { class: 'crash-list' },
    el('thead', {}, el('tr', {}, ...head.map((key, i) => el('th', { scope: 'col', class: i > 1 && i < 5 ? 'num' : '' },
      key ? el('span', { text: t('column.' + key) }) : el('span', { class: 'sr', text: t('column.severity') }))))),
    el('tbody', {}, ...order.map((row) => crashRow(row, false)))));
}

function candidatePart(row) {
  const reasons = sayings('found-reason', row.reasons);
  return part(t('rail.why-candidate'), pairs([[t('rail.outcome'), saying('found-outcome', row.outcome)], [t('rail.confidence'), percent(row.confidence)]]),
    reasons.length ? el('ul', { class: 'plain reasons-list' }, ...reasons.map((text) => el('li', { text: capital(text) }))) : null,
    el('p', { class: 'muted note', text: t('rail.' + row.type + '-note') }));
}

function railSheetParts(row) {
  if (!row.ofRegister) return [candidatePart(row), railPlacePart(row)];
  return [railFiguresPart(row), ratingPart(row), rulesPart(row), trafficPart(row), railPlacePart(row), closurePart(row), railUnknownsPart(row),
    railCrashTable(t('rail.crashes-list'), row.members), railCrashTable(t('rail.queue-list'), row.queue)];
}

function railSheetHead(row) {
  return el('div', { class: 'sheet-name' }, railIcon(row, 12),
    el('div', {}, el('h2', { id: 'sheet-title', tabindex: '-1', text: railName(row) }),
      el('p', { class: 'muted', text: [typeName(row.type), railPlace(row)].filter(Boolean).join(' · ') })));
}

function railVerdict(row) {
  if (!row.ofRegister) return el('p', { class: 'verdict' }, el('b', { text: t('rail.to-verify') }));
  const judged = isKnown(row.complies) || row.type !== 'self-opened';
  const listed = row.listed !== 0;
  if (!judged && listed) return null;
  return el('p', { class: 'verdict' },
    judged ? el('b', { text: t('rail.protection-is', { what: compliesWord(row) }) }) : null,
    listed ? null : el('span', { class: 'pill quiet', text: t('rail.not-listed') }));
}

// from: 'table', 'map' or 'hash'; focus: whether a key opened it.
function chooseCrossing(row, { from, focus } = {}) {
  state.site = -1;
  state.project = -1;
  state.crossing = row;
  const best = rails[row].options.find((option) => option.best) || rails[row].options[0];
  state.closure = best ? best.row : -1;
  markRow();
  if (state.tab !== 'crossings') chooseTab('crossings');
  renderSheet();
  markRails();
  if (from === 'map') showRailRow(row);
  if (narrow()) byId('chart').scrollIntoView({ block: 'start' });
  centreOn(rails[row], from === 'map' ? map.getZoom() : 14.5);
  scene.redraw();
  writeHash();
  if (focus) byId('sheet-title').focus();
}

function markRails() {
  markChosen(byId('rail-rows'), (line) => Number(line.dataset.crossing) === state.crossing);
}

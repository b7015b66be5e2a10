// --- Level crossings, unpacked: the register, the candidates, the ways to close them ----

const RAIL = DATA.rail || null;
const CROSSING_KINDS = ['official', 'self-opened', 'unknown', 'candidate', 'review'];
const RISKS = ['high', 'middle', 'low', 'unrated'];

function railRows(table, ofRegister) {
  return rowsOf({ ...table, id: unpackNames(table.id) }).map(place).map((row) => ({
    ...row, ofRegister,
    type: ofRegister ? (row.kind in CROSSING_STYLES ? row.kind : 'unknown') : row.status,
  }));
}

// One list: the rows of the register first, in the order in which the closures name them.
const rails = RAIL ? [...railRows(RAIL.register, true), ...railRows(RAIL.found, false)] : [];
const ratedCount = rails.filter((row) => isKnown(row.rank)).length;
const hasAccidents = rails.some((row) => isKnown(row.accidents));

// The first tenth by rank, up to the third, the rest.
const RISK_LIMITS = [Math.max(1, Math.round(ratedCount * 0.1)), Math.max(1, Math.round(ratedCount / 3))];

function riskOf(row) {
  if (!isKnown(row.rank)) return 'unrated';
  return row.rank <= RISK_LIMITS[0] ? 'high' : row.rank <= RISK_LIMITS[1] ? 'middle' : 'low';
}

const closures = RAIL ? closureRows(RAIL.closures) : [];

function closureRows(table) {
  const columns = unpackTable({ ...table, id: unpackNames(table.id) });
  const names = Object.keys(columns).filter((name) => name !== 'paths_drawn');
  return columns.id.map((_, row) => ({
    ...Object.fromEntries(names.map((name) => [name, columns[name][row]])),
    row, drawn: columns.paths_drawn[row].map(unpackPath),
  }));
}

(function linksOfCrossings() {
  rails.forEach((row, i) => {
    row.row = i;
    row.risk = riskOf(row);
    row.members = [];
    row.queue = [];
    row.options = [];
    row.on = true;
    row.failing = row.complies === 0;
    row.plain = plain([row.name, row.road_name, row.id, row.line, kmText(row.km)].filter(Boolean).join(' '));
  });
  if (!RAIL) return;
  const rows = unpackSteps(RAIL.crashes.crash);
  const queued = unpackDigits(RAIL.crashes.queue);
  RAIL.crashes.at.forEach((at, i) => { rails[at][queued[i] ? 'queue' : 'members'].push(rows[i]); });
  const byGroup = new Map();
  for (const option of closures) {
    if (!byGroup.has(option.group)) byGroup.set(option.group, []);
    byGroup.get(option.group).push(option);
  }
  for (const options of byGroup.values()) {
    const parts = new Set(options.flatMap((option) => [...option.closed, ...option.kept, option.from, option.to]));
    for (const at of parts) if (isKnown(at)) rails[at].options.push(...options);
  }
})();

const railLines = [...new Set(rails.map((row) => row.line).filter(Boolean))].sort((a, b) => a.localeCompare(b, 'vi'));
const railTypes = CROSSING_KINDS.filter((type) => rails.some((row) => row.type === type));

state.rail = { query: '', line: '', types: new Set(CROSSING_KINDS), complies: '', sort: 'rank', down: false, page: 0, layer: true };
state.crossing = -1;
state.closure = -1;

function kmText(km) {
  if (!isKnown(km)) return '';
  const metres = Math.round(km * 1000);
  return 'Km' + Math.floor(metres / 1000) + '+' + String(metres % 1000).padStart(3, '0');
}

// A code of the railway's tables in words; what stands behind a colon fills its sentence.
function saying(group, code) {
  if (code === null || code === undefined || code === '') return DASH;
  const at = code.indexOf(':');
  const head = at < 0 ? code : code.slice(0, at);
  const template = lookUp(group + '.' + head) || lookUp('page.' + group + '.' + head);
  if (template === undefined) return code;
  const about = at < 0 ? '' : code.slice(at + 1).split('/').map(aboutWords).join('/');
  return fill(template, { classes: about, class: about, figure: about });
}

function aboutWords(about) {
  for (const group of ['traffic-class', 'rate-figure', 'road-class', 'protection']) {
    const words = lookUp(group + '.' + about) || lookUp('page.' + group + '.' + about);
    if (words !== undefined) return words;
  }
  return about;
}

function sayings(group, codes) {
  return (codes || '').split(';').map((code) => code.trim()).filter(Boolean).map((code) => saying(group, code));
}

// Small rates keep two figures: 0.0034, not 0.00.
function rate(value) {
  if (!isKnown(value)) return DASH;
  const size = Math.abs(value);
  if (size >= 100) return number(value);
  const digits = size >= 10 ? 1 : size > 0 ? Math.min(8, 1 - Math.floor(Math.log10(size))) : 0;
  return number(value, digits, size < 1 ? digits : 0);
}

function rateRange(low, high) { return isKnown(low) && isKnown(high) ? rate(low) + '–' + rate(high) : ''; }

function rankSpan(row) {
  if (!isKnown(row.rank_low) || !isKnown(row.rank_high)) return '';
  return row.rank_low === row.rank_high ? number(row.rank_low) : number(row.rank_low) + '–' + number(row.rank_high);
}

function railValue(row) { return hasAccidents ? row.accidents : row.score; }

function railName(row) {
  if (row.ofRegister) return row.name || row.id;
  return row.road_name || capital(row.road_class ? aboutWords(row.road_class) : t('rail.nameless'));
}

function capital(text) { return text.slice(0, 1).toLocaleUpperCase(state.language) + text.slice(1); }

function railPlace(row) {
  return [kmText(row.km), row.line, row.area].filter(Boolean).join(' · ');
}

function typeName(type) { return saying('crossing-kind', type); }

function railFiltered() {
  const { query, line, types, complies } = state.rail;
  return query !== '' || line !== '' || complies !== '' || state.area !== '' || railTypes.some((type) => !types.has(type));
}

const COMPLIES = { yes: 1, no: 0, unknown: null };

function applyRailFilters() {
  const { line, types, complies } = state.rail;
  const query = plain(state.rail.query.trim());
  for (const row of rails) {
    row.on = types.has(row.type) && (line === '' || row.line === line)
      && (state.area === '' || row.area === state.area)
      && (complies === '' || (row.ofRegister && row.complies === COMPLIES[complies]))
      && (query === '' || row.plain.includes(query));
  }
}

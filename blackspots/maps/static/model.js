// --- The tables of the page, unpacked, and what the filters leave of them --------------

const UNITS = 100000;

// Small whole numbers come as one base-36 digit each, the unknown as a dash.
function unpackDigits(column) {
  return typeof column === 'string' ? Array.from(column, (digit) => (digit === '-' ? null : parseInt(digit, 36))) : column;
}

function unpackSteps(steps) {
  let at = 0;
  return steps.map((step) => { at += step; return at; });
}

function unpackNames(names) {
  const rest = typeof names.rest === 'string' ? names.rest.split('|') : names.rest;
  return rest.map((name) => names.start + name);
}

function unpackWords(column) {
  return unpackDigits(column.at).map((code) => (code === null ? null : column.words[code]));
}

function unpackTable(table) {
  const out = {};
  for (const [name, column] of Object.entries(table)) {
    out[name] = column && column.words ? unpackWords(column) : unpackDigits(column);
  }
  return out;
}

function rowsOf(table) {
  const columns = unpackTable(table);
  const names = Object.keys(columns);
  return columns.x.map((_, row) => Object.fromEntries(names.map((name) => [name, columns[name][row]])));
}

// Web Mercator on the unit square, once; a view is then a factor and a shift.
function mercatorX(lon) { return lon / 360 + 0.5; }
function mercatorY(lat) {
  const sin = Math.sin(lat * Math.PI / 180);
  return 0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI);
}

function unpackPath(steps) {
  const flat = new Float64Array(steps.length);
  let x = 0;
  let y = 0;
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < steps.length; i += 2) {
    x += steps[i];
    y += steps[i + 1];
    const px = mercatorX(x / UNITS);
    const py = mercatorY(y / UNITS);
    flat[i] = px;
    flat[i + 1] = py;
    box[0] = Math.min(box[0], px); box[1] = Math.min(box[1], py);
    box[2] = Math.max(box[2], px); box[3] = Math.max(box[3], py);
  }
  return { flat, box };
}

function place(row) {
  row.lat = row.y === null ? null : row.y / UNITS;
  row.lon = row.x === null ? null : row.x / UNITS;
  row.px = row.x === null ? NaN : mercatorX(row.lon);
  row.py = row.y === null ? NaN : mercatorY(row.lat);
  if (row.paths) row.paths = row.paths.map(unpackPath);
  return row;
}

const crashes = unpackTable({
  ...DATA.crashes, origin: null,
  id: unpackNames(DATA.crashes.id), x: unpackSteps(DATA.crashes.x), y: unpackSteps(DATA.crashes.y),
});
const sites = rowsOf(DATA.sites).map(place);
const projects = rowsOf(DATA.projects).map(place);
const crossings = rowsOf(DATA.crossings).map(place);
const areas = rowsOf(DATA.areas).map(place);
const boundary = DATA.boundary.map(unpackPath);

// Even-odd rule over the rings of the boundary; without a boundary everything is inside.
function isInside(row) {
  let inside = false;
  for (const { flat } of boundary) {
    for (let i = 0, j = flat.length - 2; i < flat.length; j = i, i += 2) {
      const crosses = (flat[i + 1] > row.py) !== (flat[j + 1] > row.py);
      if (crosses && row.px < (flat[j] - flat[i]) * (row.py - flat[i + 1]) / (flat[j + 1] - flat[i + 1]) + flat[i]) inside = !inside;
    }
  }
  return inside || !boundary.length;
}

// Towns of the study area are labelled first, the greater before the smaller.
const towns = rowsOf(DATA.places).map(place).map((town) => ({ ...town, inside: isInside(town), order: isKnown(town.rank) ? town.rank : 9 }))
  .sort((a, b) => b.inside - a.inside || a.order - b.order);
const railways = DATA.railways.map(unpackPath);
const roadRefs = unpackWords(DATA.roads.ref);
const roads = DATA.roads.points.map((steps, row) => ({
  ...unpackPath(steps),
  weight: DATA.roads.weight[row],
  ref: roadRefs[row],
}));

const crashCount = crashes.id.length;
const crashX = Float64Array.from(crashes.x, (x) => mercatorX(x / UNITS));
const crashY = Float64Array.from(crashes.y, (y) => mercatorY(y / UNITS));
const crashYear = new Int16Array(crashCount);
const crashDate = new Array(crashCount);
const crashOn = new Uint8Array(crashCount).fill(1);

(function datesOfCrashes() {
  const origin = Date.parse(DATA.crashes.origin + 'T00:00:00Z');
  for (let i = 0; i < crashCount; i += 1) {
    if (!isKnown(crashes.date[i])) continue;
    crashDate[i] = new Date(origin + crashes.date[i] * 864e5).toISOString().slice(0, 10);
    crashYear[i] = Number(crashDate[i].slice(0, 4));
  }
})();

const years = (function span() {
  const known = [META.start, META.end].filter(Boolean).map((iso) => Number(iso.slice(0, 4)));
  for (let i = 0; i < crashCount; i += 1) if (crashYear[i]) known.push(crashYear[i]);
  const first = known.length ? known.reduce((a, b) => Math.min(a, b)) : 0;
  const last = known.length ? known.reduce((a, b) => Math.max(a, b)) : 0;
  return Array.from({ length: known.length ? last - first + 1 : 0 }, (_, i) => first + i);
})();

const areaNames = [...new Set([
  ...sites.map((site) => site.area), ...crashes.area,
  ...(DATA.rail ? [...DATA.rail.register.area.words, ...DATA.rail.found.area.words] : []),
].filter(Boolean))].sort((a, b) => a.localeCompare(b, 'vi'));

const severitiesHere = SEVERITIES.filter((severity) => crashes.severity.includes(severity)
  || sites.some((site) => site[severity] > 0));
const kindsHere = KINDS.filter((kind) => sites.some((site) => site.kind === kind));
const verdictsHere = VERDICTS.filter((verdict) => sites.some((site) => site.verdict === verdict));

function better(a, b) {
  if (a.funded !== b.funded) return a.funded ? a : b;
  for (const key of ['npv', 'bcr']) {
    if (isKnown(a[key]) !== isKnown(b[key])) return isKnown(a[key]) ? a : b;
    if (isKnown(a[key]) && a[key] !== b[key]) return a[key] > b[key] ? a : b;
  }
  return a;
}

// The work shown in a site's row: the funded one, else the one of greatest net value. A work
// may treat several sites; one whose value is not known is no better than any other.
(function worksOfSites() {
  projects.forEach((project, row) => { project.row = row; });
  sites.forEach((site, row) => {
    site.row = row;
    site.window = unpackSteps(site.window);
    site.members = unpackSteps(site.members).sort((a, b) => crashes.date[a] - crashes.date[b]);
    site.works = projects.filter((project) => project.sites.includes(row));
    const valued = site.works.filter((project) => project.funded || isKnown(project.npv));
    site.best = valued.length ? valued.reduce(better) : null;
    if (site.funded === null) site.funded = site.works.some((work) => work.funded) ? 1 : 0;
    site.plain = plain(site.label || '');
  });
})();

function workName(project) {
  if (!project) return null;
  const code = project.countermeasure;
  if (code && lookUp('countermeasure.' + code) !== undefined) return term('countermeasure', code);
  return project.work || code || null;
}

function crashesFiltered() {
  return state.from > years[0] || state.to < years[years.length - 1]
    || severitiesHere.some((severity) => !state.severities.has(severity));
}

function sitesFiltered() {
  return crashesFiltered() || state.area !== '' || state.query !== ''
    || kindsHere.some((kind) => !state.kinds.has(kind))
    || verdictsHere.some((verdict) => !state.verdicts.has(verdict));
}

function total(rows, column) {
  let sum = 0;
  let known = false;
  for (const row of rows) {
    if (isKnown(column[row])) { sum += column[row]; known = true; }
  }
  return known ? sum : null;
}

// Under a filter of years or severities a site shows the crashes that pass it; else the
// figures that the study counted.
function countSite(site, some) {
  if (!some) {
    site.shown = { crashes: site.crashes, deaths: site.deaths, injured: site.injured };
    return true;
  }
  const rows = site.members.filter((row) => crashOn[row]);
  site.shown = { crashes: rows.length, deaths: total(rows, crashes.deaths), injured: total(rows, crashes.injured) };
  return rows.length > 0;
}

function inYearsAndSeverities(row) {
  return crashYear[row] >= state.from && crashYear[row] <= state.to
    && state.severities.has(crashes.severity[row]);
}

function applyFilters() {
  const some = crashesFiltered();
  for (let row = 0; row < crashCount; row += 1) crashOn[row] = !some || inYearsAndSeverities(row) ? 1 : 0;
  const query = plain(state.query.trim());
  const found = sites.filter((site) => {
    const counted = countSite(site, some);
    return counted && state.kinds.has(site.kind) && state.verdicts.has(site.verdict)
      && (state.area === '' || site.area === state.area)
      && (query === '' || site.plain.includes(query));
  });
  sites.forEach((site) => { site.on = false; });
  found.forEach((site) => { site.on = true; });
  if (state.area !== '') {
    for (let row = 0; row < crashCount; row += 1) if (crashes.area[row] !== state.area) crashOn[row] = 0;
  }
  return found;
}

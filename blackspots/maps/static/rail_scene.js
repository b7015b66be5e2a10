// --- Level crossings on the map: shape says the kind, colour the rank --------------------

const RAIL_SHAPES = { official: 'square', 'self-opened': 'diamond', unknown: 'circle', candidate: 'diamond', review: 'diamond' };
const RAIL_NUMBERED = 20;
const CRASHES_CLOSE_FROM = 12;

function railStyle(type, risk) {
  const shape = RAIL_SHAPES[type];
  if (type === 'candidate') return { shape, fill: 'paper', stroke: 'ink', width: 0.28, ink: null };
  if (type === 'review') return { shape, fill: 'paper', stroke: 'unsure', width: 0.28, dash: [0.5, 0.34], ink: null };
  return { shape, fill: 'risk-' + risk, stroke: 'paper', width: 0.2, ink: 'risk-' + risk + '-ink' };
}

const CLOSED_DISC = { shape: 'circle', fill: 'ink', stroke: 'paper', width: 0.2 };
const CLOSED_CROSS = { shape: 'cross', fill: null, stroke: 'paper', width: 0.46 };

function isRailView() { return state.tab === 'crossings'; }

// Where each crossing stands on this view: with its rank where there is room for it.
function placeRails(view, room) {
  if (!state.rail.layer || (!isRailView() && view.zoom < 10)) return [];
  const small = view.zoom < 10.5 ? 4 : view.zoom < 12 ? 5 : view.zoom < 14 ? 6.5 : 8;
  const marks = [];
  for (const row of rails) {
    const chosen = row.row === state.crossing;
    if (!(row.on || chosen) || !(row.px >= 0)) continue;
    const x = row.px * view.scale - view.x;
    const y = row.py * view.scale - view.y;
    if (x < -20 || y < -20 || x > view.width + 20 || y > view.height + 20) continue;
    const wanted = isKnown(row.rank) && (chosen || (isRailView() && (row.rank <= RAIL_NUMBERED || view.zoom >= 12.5)));
    const box = labelBox(x, y, 20, 20, 1);
    const full = wanted && (chosen || room.free(box));
    if (full) room.take(box); else if (isRailView() || chosen) room.take(labelBox(x, y, small * 2, small * 2, 0));
    marks.push({ row, x, y, r: full ? 10.5 : chosen ? 9 : small, full });
  }
  return marks;
}

// A dark dot on the symbol's upper right edge: its protection does not comply.
function failingDot(type, r) {
  const at = r * (RAIL_SHAPES[type] === 'square' ? 0.84 : 0.62);
  return { x: at, y: -at, r: Math.max(2.2, r * 0.4) };
}

function paintFailing(ctx, x, y, r, type) {
  const dot = failingDot(type, r);
  ctx.beginPath();
  ctx.arc(x + dot.x, y + dot.y, dot.r, 0, 7);
  ctx.fillStyle = colours.ink;
  ctx.fill();
  ctx.lineWidth = 1;
  ctx.strokeStyle = colours.paper;
  ctx.stroke();
}

// The outlines of many symbols of one style in a single path.
function traceShape(ctx, shape, x, y, r) {
  if (shape === 'square') ctx.rect(x - r * 0.88, y - r * 0.88, r * 1.76, r * 1.76);
  else if (shape === 'circle') { ctx.moveTo(x + r, y); ctx.arc(x, y, r, 0, 7); } else {
    const to = r * 1.16;
    ctx.moveTo(x, y - to);
    ctx.lineTo(x + to, y);
    ctx.lineTo(x, y + to);
    ctx.lineTo(x - to, y);
    ctx.closePath();
  }
}

function traceCross(ctx, x, y, r) {
  ctx.moveTo(x - r, y - r);
  ctx.lineTo(x + r, y + r);
  ctx.moveTo(x + r, y - r);
  ctx.lineTo(x - r, y + r);
}

function paintSmall(ctx, marks, type, risk) {
  const found = marks.filter(({ row }) => row.type === type && (!row.ofRegister || row.risk === risk));
  if (!found.length) return;
  const style = railStyle(type, risk);
  const r = found[0].r;
  const trace = (draw) => { ctx.beginPath(); for (const mark of found) draw(mark); };
  trace(({ x, y }) => traceShape(ctx, style.shape, x, y, r));
  ctx.fillStyle = colours[style.fill];
  ctx.fill();
  ctx.strokeStyle = colours[style.stroke];
  ctx.lineWidth = style.width * r;
  ctx.setLineDash((style.dash || []).map((part) => part * r));
  ctx.stroke();
  ctx.setLineDash([]);
  if (!style.ink || r < 5) return;
  trace(({ x, y }) => traceCross(ctx, x, y, r * 0.4));
  ctx.strokeStyle = colours[style.ink];
  ctx.lineWidth = r * 0.2;
  ctx.stroke();
}

function paintRank(ctx, { row, x, y, r, full }) {
  const style = railStyle(row.type, row.risk);
  if (row.row === state.crossing) paintHalo(ctx, x, y, r * 1.7);
  paintShape(ctx, x, y, r, style);
  if (!full) return;
  const text = String(row.rank);
  ctx.font = font(650, text.length > 3 ? r * 0.66 : text.length > 2 ? r * 0.82 : r);
  ctx.fillStyle = colours[style.ink];
  ctx.fillText(text, x, y + 0.5);
}

// What ranks higher lies above; what is not yet a crossing lies below all.
function paintRails(ctx, marks) {
  const small = marks.filter(({ row, full }) => !full && row.row !== state.crossing);
  for (const type of ['review', 'candidate']) paintSmall(ctx, small, type);
  for (const risk of [...RISKS].reverse()) for (const type of ['unknown', 'self-opened', 'official']) paintSmall(ctx, small, type, risk);
  for (const mark of small) if (mark.row.failing) paintFailing(ctx, mark.x, mark.y, mark.r, mark.row.type);
  const large = marks.filter(({ row, full }) => full || row.row === state.crossing).reverse()
    .sort((a, b) => (a.row.row === state.crossing) - (b.row.row === state.crossing));
  for (const mark of large) {
    paintRank(ctx, mark);
    if (mark.row.failing) paintFailing(ctx, mark.x, mark.y, mark.r, mark.row.type);
  }
}

function paintHalo(ctx, x, y, r) {
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 7);
  ctx.globalAlpha = 0.3;
  ctx.fillStyle = colours.chosen;
  ctx.fill();
  ctx.globalAlpha = 1;
  ctx.lineWidth = 2;
  ctx.strokeStyle = colours.chosen;
  ctx.stroke();
}

// The chosen way to close a group: its service roads, its closed paths, and the two that stay.
function paintClosure(ctx, view) {
  const option = closures[state.closure];
  if (!option) return;
  strokePaths(ctx, view, option.drawn, colours.paper, 8);
  strokePaths(ctx, view, option.drawn, colours.service, 4);
  const at = (row) => [rails[row].px * view.scale - view.x, rails[row].py * view.scale - view.y];
  ctx.strokeStyle = colours.service;
  ctx.lineWidth = 2.4;
  for (const row of [option.from, option.to, ...option.kept]) {
    if (!isKnown(row) || !(rails[row].px >= 0)) continue;
    ctx.beginPath();
    ctx.arc(...at(row), 15, 0, 7);
    ctx.stroke();
  }
}

function paintClosed(ctx, view) {
  const option = closures[state.closure];
  if (!option) return;
  for (const row of option.closed) {
    if (!(rails[row].px >= 0)) continue;
    const x = rails[row].px * view.scale - view.x + 9;
    const y = rails[row].py * view.scale - view.y + 9;
    paintShape(ctx, x, y, 7.5, CLOSED_DISC);
    paintShape(ctx, x, y, 4, CLOSED_CROSS);
  }
}

function railAt(marks, at) {
  let best = null;
  let least = Infinity;
  for (const mark of marks) {
    const distance = Math.hypot(mark.x - at.x, mark.y - at.y) - mark.r;
    if (distance < 5 && distance < least) { least = distance; best = mark.row; }
  }
  return best;
}

function railTip(row) {
  const words = [typeName(row.type), isKnown(row.rank) ? t('rail.rank-of', { rank: number(row.rank), n: number(ratedCount) }) : null,
    row.failing ? t('rail.failing-legend') : null];
  return { site: true, name: railName(row), more: words.filter(Boolean).join(' · ') };
}

// --- The same symbols as SVG, for the table, the sheet and the legend --------------------

function railIcon(row, r = 9, numbered = true) {
  const style = railStyle(row.type, row.risk);
  const node = icon(Math.round(r * 2.8), shapeNode(style, r));
  const text = numbered && isKnown(row.rank) ? String(row.rank) : '';
  if (text) {
    node.append(svg('text', { 'text-anchor': 'middle', y: r * 0.36, class: 'badge-text f-' + style.ink,
      'font-size': text.length > 3 ? r * 0.7 : text.length > 2 ? r * 0.84 : r * 1.02, text }));
  } else if (style.ink) {
    node.append(shapeNode({ shape: 'cross', fill: null, stroke: style.ink, width: 0.4 }, r * 0.5));
  }
  if (row.failing) {
    const dot = failingDot(row.type, r);
    node.append(svg('circle', { cx: dot.x, cy: dot.y, r: dot.r, class: 'f-ink s-paper', 'stroke-width': 1 }));
  }
  return node;
}

function railTypeIcon(type) { return railIcon({ type, risk: 'unrated' }, 7, false); }

function closedIcon() { return icon(19, shapeNode(CLOSED_DISC, 7), shapeNode(CLOSED_CROSS, 3.8)); }

function riskText(risk) {
  const [high, middle] = RISK_LIMITS;
  if (risk === 'high') return high === 1 ? t('rail.rank-one') : t('rail.rank-span', { from: 1, to: number(high) });
  if (risk === 'middle') return t('rail.rank-span', { from: number(high + 1), to: number(middle) });
  return risk === 'low' ? t('rail.rank-span', { from: number(middle + 1), to: number(ratedCount) }) : t('rail.unrated');
}

// On paper the heading stands without its switch.
function railLegend(onPaper) {
  if (!RAIL) return [];
  const risks = RISKS.filter((risk) => rails.some((row) => row.ofRegister && row.risk === risk));
  const box = el('input', { type: 'checkbox', id: onPaper ? null : 'rail-layer', checked: state.rail.layer,
    onchange: (event) => { state.rail.layer = event.target.checked; scene.redraw(); writeHash(); } });
  const head = onPaper ? el('h3', { text: t('rail.legend') })
    : el('h3', {}, el('label', { class: 'layer-switch' }, box, el('span', { text: t('rail.legend') })));
  return [
    el('div', {}, head, el('ul', {},
      ...railTypes.map((type) => legendLine(railTypeIcon(type), typeName(type))),
      rails.some((row) => row.failing) ? legendLine(railIcon({ type: 'official', risk: 'unrated', failing: true }, 7, false), t('rail.failing-legend')) : null,
      closures.length ? legendLine(lineIcon(['s-service', 4]), t('rail.service-road')) : null,
      closures.length ? legendLine(closedIcon(), t('rail.closed-path')) : null)),
    risks.length ? legendGroup(t('rail.by-rank'), ...risks.map((risk) => legendLine(
      icon(17, svg('circle', { r: 6, class: 'f-risk-' + risk })), riskText(risk)))) : null,
  ];
}

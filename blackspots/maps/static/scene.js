// --- The drawing: one scene for the map on screen and the map on paper -----------------

// view: { width, height, scale, x, y, zoom }; screen = mercator * scale - (x, y)
const WEIGHT_FROM = [0, 0, 9.5, 11, 12.5];
const NUMBERED = 20;
// From this zoom a badge stands above its place, so that the crashes there can be seen.
const LIFTED_FROM = 13.5;

function tracePath(ctx, view, path, close) {
  const flat = path.flat;
  for (let i = 0; i < flat.length; i += 2) {
    const x = flat[i] * view.scale - view.x;
    const y = flat[i + 1] * view.scale - view.y;
    if (i === 0) ctx.moveTo(x, y); else ctx.lineTo(x, y);
  }
  if (close) ctx.closePath();
}

function seen(view, box) {
  return box[2] * view.scale - view.x > -40 && box[0] * view.scale - view.x < view.width + 40
    && box[3] * view.scale - view.y > -40 && box[1] * view.scale - view.y < view.height + 40;
}

function strokePaths(ctx, view, paths, colour, width, dash, close) {
  ctx.beginPath();
  for (const path of paths) if (seen(view, path.box)) tracePath(ctx, view, path, close);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dash || []);
  ctx.stroke();
  ctx.setLineDash([]);
}

function fillPaths(ctx, view, paths, colour) {
  ctx.beginPath();
  for (const path of paths) tracePath(ctx, view, path, true);
  ctx.fillStyle = colour;
  ctx.fill('evenodd');
}

function paintLand(ctx, view) {
  ctx.fillStyle = boundary.length || areas.length ? colours.sea : colours.land;
  ctx.fillRect(0, 0, view.width, view.height);
  if (boundary.length) fillPaths(ctx, view, boundary, colours.land);
  else for (const area of areas) fillPaths(ctx, view, area.paths, colours.land);
  if (state.area) {
    for (const area of areas) if (area.name === state.area) fillPaths(ctx, view, area.paths, colours.paper);
  }
  strokePaths(ctx, view, areas.flatMap((area) => area.paths), colours.edge, 1, [4, 3], true);
  strokePaths(ctx, view, boundary, colours.border, 1.6, null, true);
}

function paintRoads(ctx, view) {
  const grow = Math.max(0.8, Math.min(2.6, 1 + (view.zoom - 9.5) * 0.22));
  const widths = [2.3, 1.5, 0.9, 0.8, 0.7];
  for (let weight = 4; weight >= 0; weight -= 1) {
    if (view.zoom < WEIGHT_FROM[weight]) continue;
    const lines = roads.filter((road) => road.weight === weight);
    const width = widths[weight] * grow;
    if (weight === 0) strokePaths(ctx, view, lines, colours['road-0-case'], width + 1.6);
    strokePaths(ctx, view, lines, colours['road-' + Math.min(3, weight)], width, weight === 4 ? [3, 2] : null);
  }
}

function paintRailways(ctx, view) {
  const width = view.zoom < 11 ? 2.6 : 3.4;
  ctx.lineCap = 'butt';
  strokePaths(ctx, view, railways, colours.rail, width);
  strokePaths(ctx, view, railways, colours['rail-gap'], width - 1.4, [6, 6]);
  ctx.lineCap = 'round';
}

function stretchColour(site) {
  return { 'black-spot': colours['black-spot'], potential: colours.potential }[site.verdict] || colours.none;
}

function paintStretches(ctx, view) {
  const width = view.zoom < 11 ? 4 : 6;
  for (const site of sites) {
    if (!site.on || !site.paths.length || !site.paths.some((path) => seen(view, path.box))) continue;
    if (site.polygon) {
      ctx.globalAlpha = 0.1;
      fillPaths(ctx, view, site.paths, stretchColour(site));
      ctx.globalAlpha = 1;
      strokePaths(ctx, view, site.paths, stretchColour(site), 1.6, [5, 3], true);
    } else {
      const chosen = site.row === state.site;
      strokePaths(ctx, view, site.paths, chosen ? colours.chosen : colours.paper, width + (chosen ? 8 : 3));
      strokePaths(ctx, view, site.paths, stretchColour(site), width);
    }
  }
}

function crashRadius(zoom) {
  if (zoom < 10) return 1.5;
  if (zoom < 11.5) return 2.2;
  if (zoom < 13) return 3.6;
  return zoom < 15 ? 5 : 6.5;
}

function paintCrashes(ctx, view) {
  const r = crashRadius(view.zoom);
  const order = ['pdo', 'unknown', 'slight', 'injury', 'serious', 'fatal'];
  const small = r < 3;
  ctx.globalAlpha = small ? 0.62 : 0.95;
  for (const severity of order) {
    const style = SYMBOLS[severity];
    ctx.fillStyle = colours[severity === 'unknown' ? 'unsure' : severity === 'injury' ? 'slight' : severity];
    for (let row = 0; row < crashCount; row += 1) {
      if (!crashOn[row] || crashes.severity[row] !== severity) continue;
      const x = crashX[row] * view.scale - view.x;
      const y = crashY[row] * view.scale - view.y;
      if (x < -9 || y < -9 || x > view.width + 9 || y > view.height + 9) continue;
      if (small) paintDot(ctx, x, y, severity === 'fatal' ? r * 1.25 : r, severity);
      else paintShape(ctx, x, y, r * style.size, style);
    }
  }
  ctx.globalAlpha = 1;
}

// Small dots keep the outline of their symbol: square, triangle, circle.
function paintDot(ctx, x, y, r, severity) {
  if (severity === 'fatal') { ctx.fillRect(x - r, y - r, r * 2, r * 2); return; }
  ctx.beginPath();
  if (severity === 'serious') {
    ctx.moveTo(x, y - r * 1.3); ctx.lineTo(x + r * 1.2, y + r); ctx.lineTo(x - r * 1.2, y + r);
  } else ctx.arc(x, y, r * 0.9, 0, 7);
  ctx.fill();
}

function paintCrossings(ctx, view) {
  if (view.zoom < 10) return;
  const r = view.zoom < 12 ? 3.4 : view.zoom < 14 ? 5.5 : 7;
  for (const crossing of crossings) {
    const x = crossing.px * view.scale - view.x;
    const y = crossing.py * view.scale - view.y;
    if (x > -9 && y > -9 && x < view.width + 9 && y < view.height + 9) paintCrossing(ctx, x, y, r, crossing.kind);
  }
}

// --- Labels: whoever comes first keeps the room ----------------------------------------

const CELL = 64;

// A box is compared with those of the cells of a grid that it touches only.
function makeRoom() {
  const cells = new Map();
  const keysOf = ([west, north, east, south]) => {
    const keys = [];
    for (let x = Math.floor(west / CELL); x <= Math.floor(east / CELL); x += 1) {
      for (let y = Math.floor(north / CELL); y <= Math.floor(south / CELL); y += 1) keys.push(x * 100003 + y);
    }
    return keys;
  };
  const meets = (a, b) => a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1];
  return {
    free: (box) => !keysOf(box).some((key) => (cells.get(key) || []).some((other) => meets(box, other))),
    take: (box) => {
      for (const key of keysOf(box)) {
        if (!cells.has(key)) cells.set(key, []);
        cells.get(key).push(box);
      }
    },
  };
}

function labelBox(x, y, width, height, pad = 2) {
  return [x - width / 2 - pad, y - height / 2 - pad, x + width / 2 + pad, y + height / 2 + pad];
}

function within(view, box) {
  return box[0] > 2 && box[1] > 2 && box[2] < view.width - 2 && box[3] < view.height - 2;
}

function haloText(ctx, text, x, y, colour) {
  ctx.lineJoin = 'round';
  ctx.strokeStyle = colours.halo;
  ctx.lineWidth = 3.2;
  ctx.strokeText(text, x, y);
  ctx.fillStyle = colour;
  ctx.fillText(text, x, y);
}

function font(weight, size) { return weight + ' ' + size + 'px ' + FONT; }

const FONT = getComputedStyle(document.body).fontFamily || 'sans-serif';

function paintTowns(ctx, view, room) {
  for (const town of towns) {
    const rank = Math.max(town.order, town.inside ? 1 : 3);
    if (!town.name || view.zoom < 8 + rank * 0.35) continue;
    const x = town.px * view.scale - view.x;
    const y = town.py * view.scale - view.y;
    const size = rank === 1 ? 15 : rank === 2 ? 13 : 12;
    ctx.font = font(rank <= 2 ? 650 : 500, size);
    const width = ctx.measureText(town.name).width;
    const spots = [[x + 7 + width / 2, y], [x - 7 - width / 2, y], [x, y - 13], [x, y + 14],
      [x + 14 + width / 2, y - 12], [x - 14 - width / 2, y + 12], [x + 16 + width / 2, y + 14], [x - 16 - width / 2, y - 14]];
    // The capital may stand further off, rather than go without its name.
    if (rank === 1) for (const far of [28, -28, 42, -42, 56, -56]) spots.push([x, y + far], [x + 20 + width / 2, y + far], [x - 20 - width / 2, y + far]);
    const spot = spots.find(([sx, sy]) => room.free(labelBox(sx, sy, width, size)));
    if (!spot) continue;
    room.take(labelBox(spot[0], spot[1], width, size));
    ctx.beginPath();
    ctx.arc(x, y, rank === 1 ? 3.6 : 2.6, 0, 7);
    ctx.fillStyle = colours.paper;
    ctx.fill();
    ctx.strokeStyle = town.inside ? colours.town : colours['area-name'];
    ctx.lineWidth = 1.5;
    ctx.stroke();
    haloText(ctx, town.name, spot[0], spot[1], town.inside ? colours.town : colours['area-name']);
  }
}

function paintAreaNames(ctx, view, room) {
  if (view.zoom > 12.5) return;
  ctx.font = font(500, 11);
  if ('letterSpacing' in ctx) ctx.letterSpacing = '1.4px';
  for (const area of areas) {
    const text = (area.name || '').toLocaleUpperCase('vi');
    const x = area.px * view.scale - view.x;
    const y = area.py * view.scale - view.y;
    const width = ctx.measureText(text).width;
    const spot = [0, -18, 18, -34, 34].map((shift) => labelBox(x, y + shift, width, 12))
      .find((box) => room.free(box) && within(view, box));
    if (!text || !spot) continue;
    room.take(spot);
    haloText(ctx, text, (spot[0] + spot[2]) / 2, (spot[1] + spot[3]) / 2, colours['area-name']);
  }
  if ('letterSpacing' in ctx) ctx.letterSpacing = '0px';
}

function paintShields(ctx, view, room) {
  const last = new Map();
  ctx.font = font(600, 10);
  for (const road of roads) {
    if (!road.ref || road.weight > (view.zoom < 10 ? 1 : 2) || !seen(view, road.box)) continue;
    const width = ctx.measureText(road.ref).width + 8;
    for (let part = 1; part < 8; part += 1) {
      const i = Math.floor(road.flat.length / 2 * part / 8) * 2;
      const x = road.flat[i] * view.scale - view.x;
      const y = road.flat[i + 1] * view.scale - view.y;
      const box = labelBox(x, y, width, 13);
      const before = last.get(road.ref) || [];
      const far = before.every(([bx, by]) => Math.hypot(bx - x, by - y) > 260);
      if (!far || !within(view, box) || !room.free(box)) continue;
      room.take(box);
      last.set(road.ref, [...before, [x, y]]);
      ctx.fillStyle = colours.paper;
      ctx.strokeStyle = colours['road-0-case'];
      ctx.lineWidth = 1;
      ctx.beginPath();
      ctx.roundRect(x - width / 2, y - 7, width, 14, 3);
      ctx.fill();
      ctx.stroke();
      ctx.fillStyle = colours.shield;
      ctx.fillText(road.ref, x, y + 0.5);
    }
  }
}

// --- Ranked sites ----------------------------------------------------------------------

// Where each site stands on this view: a numbered badge if there is room, else a small one.
function placeBadges(view, room) {
  const badges = [];
  for (const site of sites) {
    if (!site.on || !(site.px >= 0)) continue;
    const x = site.px * view.scale - view.x;
    const ground = site.py * view.scale - view.y;
    if (x < -20 || ground < -20 || x > view.width + 20 || ground > view.height + 40) continue;
    const chosen = site.row === state.site;
    const r = chosen ? 12 : 10;
    const y = view.zoom >= LIFTED_FROM ? ground - 30 : ground;
    const box = labelBox(x, y, r * 2, r * 2, site.funded ? 3 : 0);
    const wanted = chosen || site.rank <= NUMBERED || view.zoom >= 11.5;
    const full = chosen || (wanted && room.free(box));
    if (full) room.take(box);
    else room.take(labelBox(x, y, 9, 9, 0));
    badges.push({ site, x, y, ground, r: full ? r : 5, full });
  }
  return badges;
}

function paintStem(ctx, x, y, ground) {
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x, ground);
  ctx.lineWidth = 1.6;
  ctx.strokeStyle = colours.ink;
  ctx.stroke();
  ctx.beginPath();
  ctx.arc(x, ground, 2.2, 0, 7);
  ctx.fillStyle = colours.ink;
  ctx.fill();
}

function paintBadges(ctx, badges) {
  const order = [...badges].reverse().sort((a, b) => a.full - b.full);
  for (const badge of order) {
    const { site, x, y, r } = badge;
    if (badge.ground !== y) paintStem(ctx, x, y, badge.ground);
    if (site.row === state.site) {
      ctx.beginPath();
      ctx.arc(x, y, r * 1.8, 0, 7);
      ctx.globalAlpha = 0.3;
      ctx.fillStyle = colours.chosen;
      ctx.fill();
      ctx.globalAlpha = 1;
      ctx.lineWidth = 2;
      ctx.strokeStyle = colours.chosen;
      ctx.stroke();
    }
    const style = paintBadge(ctx, x, y, r, site);
    if (badge.full) {
      const text = String(site.rank);
      ctx.font = font(650, text.length > 2 ? r * 0.84 : r * 1.02);
      ctx.fillStyle = colours[style.ink];
      ctx.fillText(text, x, y + 0.5);
    }
  }
}

function paintProject(ctx, view) {
  const project = projects[state.project];
  if (!project || !(project.px >= 0)) return;
  const x = project.px * view.scale - view.x;
  const y = project.py * view.scale - view.y;
  strokePaths(ctx, view, project.paths, colours.chosen, 6);
  ctx.lineWidth = 3;
  ctx.strokeStyle = colours.chosen;
  ctx.beginPath();
  ctx.arc(x, y, 13, 0, 7);
  ctx.stroke();
}

function paintScene(ctx, view) {
  ctx.textAlign = 'center';
  ctx.textBaseline = 'middle';
  ctx.lineJoin = 'round';
  ctx.lineCap = 'round';
  const room = makeRoom();
  for (const box of view.reserved || []) room.take(box);
  const railView = isRailView();
  const badges = railView ? [] : placeBadges(view, room);
  const marks = placeRails(view, room);
  paintLand(ctx, view);
  paintRoads(ctx, view);
  paintRailways(ctx, view);
  if (!railView) paintStretches(ctx, view);
  paintCrossings(ctx, view);
  if (!railView) paintRails(ctx, marks);
  if (!railView || view.zoom >= CRASHES_CLOSE_FROM) paintCrashes(ctx, view);
  paintTowns(ctx, view, room);
  paintShields(ctx, view, room);
  paintAreaNames(ctx, view, room);
  paintProject(ctx, view);
  paintClosure(ctx, view);
  if (railView) paintRails(ctx, marks);
  paintClosed(ctx, view);
  paintBadges(ctx, badges);
  return { badges, marks };
}

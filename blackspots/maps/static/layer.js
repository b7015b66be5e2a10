// --- The canvas on the Leaflet map: drawing, hit testing, tooltip, controls ------------

// L.Renderer keeps a container in place while the map pans and zooms; this one holds a
// canvas for the whole scene instead of one path for each object.
const SceneLayer = L.Renderer.extend({
  options: { padding: 0.12 },

  _initContainer() {
    this._container = L.DomUtil.create('canvas', 'scene');
    this._container.setAttribute('aria-hidden', 'true');
    this._layers = {};
    this.badges = [];
    this.marks = [];
  },

  _destroyContainer() { this._container.remove(); delete this._container; },
  _updatePaths() {},
  _onZoomEnd() {},

  _update() {
    if (!this._container || !this._map) return;
    L.Renderer.prototype._update.call(this);
    const size = this._bounds.getSize();
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const canvas = this._container;
    L.DomUtil.setPosition(canvas, this._bounds.min);
    if (canvas.width !== size.x * ratio || canvas.height !== size.y * ratio) {
      canvas.width = size.x * ratio;
      canvas.height = size.y * ratio;
      canvas.style.width = size.x + 'px';
      canvas.style.height = size.y + 'px';
    }
    this.redraw();
  },

  redraw() {
    if (!this._bounds || !this._container) return;
    const ctx = this._container.getContext('2d');
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const shift = this._bounds.min.add(this._map.getPixelOrigin());
    const size = this._bounds.getSize();
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const drawn = paintScene(ctx, {
      width: size.x, height: size.y, zoom: this._map.getZoom(),
      scale: 256 * 2 ** this._map.getZoom(), x: shift.x, y: shift.y,
    });
    Object.assign(this, drawn);
    this.view = { shift };
  },

  // The site under a point of the map, nearest badge first, then stretches of road.
  siteAt(point) {
    if (isRailView()) return null;
    const at = point.subtract(this._bounds.min);
    let best = null;
    let least = Infinity;
    for (const badge of this.badges) {
      const distance = Math.hypot(badge.x - at.x, badge.y - at.y) - badge.r;
      if (distance < 6 && distance < least) { least = distance; best = badge.site; }
    }
    return best || this.stretchAt(at);
  },

  crossingAt(point) { return railAt(this.marks, point.subtract(this._bounds.min)); },

  stretchAt(at) {
    const scale = 256 * 2 ** this._map.getZoom();
    const x = (at.x + this.view.shift.x) / scale;
    const y = (at.y + this.view.shift.y) / scale;
    return sites.find((site) => site.on && !site.polygon
      && site.paths.some((path) => distanceTo(path, x, y) * scale < 7)) || null;
  },
});

function distanceTo(path, x, y) {
  const flat = path.flat;
  let least = Infinity;
  for (let i = 2; i < flat.length; i += 2) {
    const dx = flat[i] - flat[i - 2];
    const dy = flat[i + 1] - flat[i - 1];
    const length = dx * dx + dy * dy;
    const along = length ? ((x - flat[i - 2]) * dx + (y - flat[i - 1]) * dy) / length : 0;
    const at = Math.max(0, Math.min(1, along));
    least = Math.min(least, Math.hypot(x - flat[i - 2] - at * dx, y - flat[i - 1] - at * dy));
  }
  return least;
}

const scene = new SceneLayer();
let zoomControl = null;
let scaleControl = null;

function wholeBounds() {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  const grow = (other) => {
    box[0] = Math.min(box[0], other[0]); box[1] = Math.min(box[1], other[1]);
    box[2] = Math.max(box[2], other[2]); box[3] = Math.max(box[3], other[3]);
  };
  boundary.forEach((path) => grow(path.box));
  if (!boundary.length) areas.forEach((area) => area.paths.forEach((path) => grow(path.box)));
  if (box[0] === Infinity) roads.forEach((road) => grow(road.box));
  [...sites, ...rails].forEach((row) => { if (row.px >= 0) grow([row.px, row.py, row.px, row.py]); });
  if (box[0] === Infinity) {
    for (let i = 0; i < crashCount; i += 1) grow([crashX[i], crashY[i], crashX[i], crashY[i]]);
  }
  if (box[0] === Infinity) return null;
  return L.latLngBounds([[latitude(box[3]), box[0] * 360 - 180], [latitude(box[1]), box[2] * 360 - 180]]);
}

function latitude(py) { return Math.atan(Math.sinh(Math.PI * (1 - 2 * py))) * 180 / Math.PI; }

function fitWhole() {
  const bounds = wholeBounds();
  const legend = byId('legend');
  const left = legend.open && map.getSize().x > 900 ? legend.offsetWidth + 20 : 14; // clear of the legend
  if (bounds) map.fitBounds(bounds, { paddingTopLeft: [left, 14], paddingBottomRight: [14, 14], animate: false, maxZoom: 16 });
}

const FitControl = L.Control.extend({
  onAdd() {
    const button = el('button', { type: 'button', class: 'fit', onclick: fitWhole,
      title: t('zoom-fit'), 'aria-label': t('zoom-fit') });
    button.append(svg('svg', { viewBox: '0 0 16 16', width: 16, height: 16, 'aria-hidden': 'true' },
      svg('path', { d: 'M2 6V2H6M10 2H14V6M14 10V14H10M6 14H2V10', class: 'f-no s-ink', 'stroke-width': 1.6 })));
    const box = el('div', { class: 'leaflet-bar' }, button);
    L.DomEvent.disableClickPropagation(box);
    return box;
  },
});
let fitControl = null;

function placeControls() {
  for (const control of [zoomControl, fitControl, scaleControl]) if (control) control.remove();
  zoomControl = L.control.zoom({ position: 'topleft', zoomInTitle: t('zoom-in'), zoomOutTitle: t('zoom-out') }).addTo(map);
  fitControl = new FitControl({ position: 'topleft' }).addTo(map);
  scaleControl = L.control.scale({ position: 'bottomright', imperial: false, maxWidth: 120 }).addTo(map);
}

function reducedMotion() { return window.matchMedia('(prefers-reduced-motion: reduce)').matches; }

// Centres a place in the part of the map that the evidence sheet leaves free.
function centreOn(row, zoom) {
  if (!(row.px >= 0)) return;
  const to = Math.max(map.getZoom(), zoom);
  const sheet = byId('sheet');
  const cover = !sheet.hidden && !narrow() ? Math.min(sheet.offsetWidth, map.getSize().x - 120) : 0;
  const point = map.project([row.lat, row.lon], to).add([cover / 2, 0]);
  map.setView(map.unproject(point, to), to, { animate: !reducedMotion() });
}

function nearest(count, at, point, reach) {
  let best = -1;
  let least = reach;
  for (let i = 0; i < count; i += 1) {
    const [x, y] = at(i);
    const distance = Math.hypot(x - point.x, y - point.y);
    if (distance < least) { least = distance; best = i; }
  }
  return best;
}

// What lies under the pointer, in words: a site, or close by a crash or a crossing.
function wordsAt(point) {
  const site = scene.siteAt(point);
  if (site) {
    return { site, name: site.rank + '. ' + (site.label || DASH),
      more: term('verdict', site.verdict) + ' · ' + number(site.shown.crashes) + ' ' + t('sheet.crashes') };
  }
  const rail = scene.crossingAt(point);
  if (rail) return railTip(rail);
  const zoom = map.getZoom();
  if (zoom < 12) return null;
  const scale = 256 * 2 ** zoom;
  const at = point.add(map.getPixelOrigin());
  const crash = nearest(crashCount, (i) => (crashOn[i] ? [crashX[i] * scale, crashY[i] * scale] : [0, 0]), at, 7);
  if (crash >= 0) {
    return { name: term('severity', crashes.severity[crash]),
      more: [day(crashDate[crash]), isKnown(crashes.hour[crash]) ? crashes.hour[crash] + ' h' : null, crashes.crash_type[crash]].filter(Boolean).join(' · ') };
  }
  const crossing = crossings[nearest(crossings.length, (i) => [crossings[i].px * scale, crossings[i].py * scale], at, 8)];
  return crossing ? { name: crossing.name || t('legend.' + (crossing.kind || 'unknown')), more: t('legend.' + (crossing.kind || 'unknown')) } : null;
}

function showTip(words, point) {
  const tip = byId('tip');
  tip.hidden = !words;
  map.getContainer().classList.toggle('over-site', Boolean(words && words.site));
  if (!words) return;
  clear(tip, el('b', { text: words.name }), el('span', { text: words.more }));
  const size = map.getSize();
  tip.style.left = Math.min(point.x + 14, size.x - tip.offsetWidth - 8) + 'px';
  tip.style.top = Math.max(8, Math.min(point.y + 14, size.y - tip.offsetHeight - 8)) + 'px';
}

function startMap() {
  map.getContainer().setAttribute('role', 'application');
  map.addLayer(scene);
  map.on('click', (event) => {
    const site = scene.siteAt(event.layerPoint);
    const crossing = site ? null : scene.crossingAt(event.layerPoint);
    if (site) chooseSite(site.row, { from: 'map' });
    else if (crossing) chooseCrossing(crossing.row, { from: 'map' });
  });
  map.on('mousemove', (event) => showTip(wordsAt(event.layerPoint), event.containerPoint));
  map.on('mouseout movestart zoomstart', () => showTip(null));
  map.on('moveend', writeHash);
  new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(map.getContainer());
}

// --- Symbols: drawn from the same paths on the map, in the legend and in the table -----

const SHAPES = {
  square: 'M-.88 -.88H.88V.88H-.88Z',
  triangle: 'M0 -1.12L1.1 .82H-1.1Z',
  circle: 'M-1 0A1 1 0 1 1 1 0A1 1 0 1 1 -1 0Z',
  diamond: 'M0 -1.16L1.16 0L0 1.16L-1.16 0Z',
  soft: 'M-.6 -.95H.6Q.95 -.95 .95 -.6V.6Q.95 .95 .6 .95H-.6Q-.95 .95 -.95 .6V-.6Q-.95 -.95 -.6 -.95Z',
  cross: 'M-.8 -.8L.8 .8M.8 -.8L-.8 .8',
  hexagon: 'M-.58 -1H.58L1.15 0L.58 1H-.58L-1.15 0Z',
};

// fill, stroke: names of colours in page.css (--c-...); width and size are against a radius of 1.
const SYMBOLS = {
  fatal: { shape: 'square', fill: 'fatal', stroke: 'paper', width: 0.22, size: 1 },
  serious: { shape: 'triangle', fill: 'serious', stroke: 'paper', width: 0.22, size: 1 },
  slight: { shape: 'circle', fill: 'slight', stroke: 'paper', width: 0.22, size: 0.92 },
  injury: { shape: 'circle', fill: 'injury', stroke: 'slight', width: 0.42, size: 0.8 },
  pdo: { shape: 'circle', fill: 'paper', stroke: 'pdo', width: 0.34, size: 0.62 },
  unknown: { shape: 'cross', fill: null, stroke: 'unsure', width: 0.42, size: 0.85 },
};

const KIND_SHAPES = { segment: 'soft', junction: 'circle', crossing: 'diamond', area: 'hexagon' };

const VERDICT_STYLES = {
  'black-spot': { fill: 'black-spot', stroke: 'paper', ink: 'black-spot-ink', dash: null },
  potential: { fill: 'potential', stroke: 'paper', ink: 'potential-ink', dash: null },
  undetermined: { fill: 'paper', stroke: 'black-spot', ink: 'ink', dash: [0.42, 0.3] },
  none: { fill: 'paper', stroke: 'none', ink: 'none-ink', dash: null },
};

const CROSSING_STYLES = {
  official: { shape: 'soft', fill: 'rail', stroke: 'paper', mark: 'paper' },
  'self-opened': { shape: 'circle', fill: 'paper', stroke: 'self-opened', mark: 'self-opened' },
  unknown: { shape: 'circle', fill: 'paper', stroke: 'unsure', mark: null },
};

const paths2d = {};
let colours = {};

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const names = ['paper', 'ink', 'muted', 'fatal', 'serious', 'slight', 'injury', 'pdo', 'unsure',
    'black-spot', 'black-spot-ink', 'potential', 'potential-ink', 'none', 'none-ink', 'funded',
    'chosen', 'sea', 'land', 'border', 'edge', 'road-0', 'road-0-case', 'road-1', 'road-2',
    'road-3', 'rail', 'rail-gap', 'town', 'halo', 'area-name', 'self-opened', 'shield', 'watermark',
    'service', 'risk-high', 'risk-high-ink', 'risk-middle', 'risk-middle-ink', 'risk-low', 'risk-low-ink',
    'risk-unrated', 'risk-unrated-ink'];
  colours = Object.fromEntries(names.map((name) => [name, style.getPropertyValue('--c-' + name).trim()]));
}

function path2d(shape) {
  if (!paths2d[shape]) paths2d[shape] = new Path2D(SHAPES[shape]);
  return paths2d[shape];
}

function paintShape(ctx, x, y, r, style) {
  ctx.save();
  ctx.translate(x, y);
  ctx.scale(r, r);
  const path = path2d(style.shape);
  if (style.fill) { ctx.fillStyle = colours[style.fill]; ctx.fill(path); }
  if (style.stroke) {
    ctx.strokeStyle = colours[style.stroke];
    ctx.lineWidth = style.width;
    if (style.dash) ctx.setLineDash(style.dash);
    ctx.stroke(path);
  }
  ctx.restore();
}

function shapeNode(style, r) {
  return svg('path', {
    d: SHAPES[style.shape],
    transform: 'scale(' + r + ')',
    class: (style.fill ? 'f-' + style.fill : 'f-no') + ' ' + (style.stroke ? 's-' + style.stroke : 's-no'),
    'stroke-width': style.width,
    'stroke-dasharray': style.dash ? style.dash.join(' ') : null,
  });
}

function icon(size, ...children) {
  return svg('svg', {
    viewBox: [-size / 2, -size / 2, size, size].join(' '), width: size, height: size,
    class: 'icon', 'aria-hidden': 'true',
  }, ...children);
}

function severityIcon(severity, r = 5) {
  const style = SYMBOLS[severity];
  return icon(r * 2.8, shapeNode(style, r * style.size));
}

function badgeStyle(kind, verdict) {
  const look = VERDICT_STYLES[verdict] || VERDICT_STYLES.none;
  return { shape: KIND_SHAPES[kind] || 'circle', fill: look.fill, stroke: look.stroke, width: 0.15,
    dash: look.dash, ink: look.ink };
}

function kindIcon(kind) {
  return icon(19, shapeNode({ shape: KIND_SHAPES[kind], fill: null, stroke: 'ink', width: 0.24 }, 6));
}

const FUNDED_RING = 1.32;

function badgeIcon(kind, verdict, text, funded, r = 10) {
  const style = badgeStyle(kind, verdict);
  const node = icon(r * 3.3, shapeNode(style, r));
  if (funded) {
    node.prepend(shapeNode({ shape: style.shape, fill: null, stroke: 'funded', width: 0.17 }, r * FUNDED_RING));
  }
  if (text) {
    node.append(svg('text', {
      'text-anchor': 'middle', y: r * 0.36, 'font-size': text.length > 2 ? r * 0.84 : r * 1.02,
      class: 'badge-text f-' + style.ink, text,
    }));
  }
  return node;
}

function paintBadge(ctx, x, y, r, site) {
  const style = badgeStyle(site.kind, site.verdict);
  if (site.funded) {
    paintShape(ctx, x, y, r * FUNDED_RING, { shape: style.shape, fill: 'paper', stroke: 'funded', width: 0.17 });
  }
  paintShape(ctx, x, y, r, style);
  return style;
}

function paintCrossing(ctx, x, y, r, kind) {
  const style = CROSSING_STYLES[kind] || CROSSING_STYLES.unknown;
  paintShape(ctx, x, y, r, { ...style, width: 0.3 });
  if (style.mark) paintShape(ctx, x, y, r * 0.55, { shape: 'cross', fill: null, stroke: style.mark, width: 0.5 });
}

function crossingIcon(kind, r = 5.5) {
  const style = CROSSING_STYLES[kind];
  const node = icon(r * 2.8, shapeNode({ ...style, width: 0.3 }, r));
  if (style.mark) node.append(shapeNode({ shape: 'cross', fill: null, stroke: style.mark, width: 0.5 }, r * 0.55));
  return node;
}

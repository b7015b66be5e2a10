'use strict';

// --- Data, texts, numbers: what every other part stands on -----------------------------

const DATA = JSON.parse(document.getElementById('page-data').textContent);
const META = DATA.meta;
const LANGUAGES = Object.keys(DATA.labels);
const LOCALES = { vi: 'vi-VN', en: 'en-GB' };
const DASH = '–';
const SVG = 'http://www.w3.org/2000/svg';

const SEVERITIES = ['fatal', 'serious', 'slight', 'injury', 'pdo', 'unknown'];
const KINDS = ['segment', 'junction', 'crossing', 'area'];
const VERDICTS = ['black-spot', 'potential', 'undetermined', 'none'];

const state = {
  language: META.language,
  tab: 'ranking',
  site: -1,
  project: -1,
  from: 0,
  to: 0,
  severities: new Set(SEVERITIES),
  kinds: new Set(KINDS),
  verdicts: new Set(VERDICTS),
  area: '',
  query: '',
  sort: 'rank',
  down: false,
  page: 0,
};

function byId(id) { return document.getElementById(id); }

// Elements are made with textContent only: a text of the user's can never become markup.
function el(name, attributes, ...children) {
  const node = document.createElement(name);
  assign(node, attributes);
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function svg(name, attributes, ...children) {
  const node = document.createElementNS(SVG, name);
  assign(node, attributes);
  node.append(...children);
  return node;
}

function assign(node, attributes) {
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === 'text') node.textContent = value;
    else if (key.startsWith('on')) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? '' : value);
  }
}

function lookUp(key) {
  const own = DATA.labels[state.language] || {};
  return own[key] !== undefined ? own[key] : (DATA.labels.en || {})[key];
}

function fill(template, fields) {
  return template.replace(/\{(\w+)\}/g, (whole, name) =>
    (fields && name in fields ? String(fields[name]) : whole));
}

// A text of the page; the key itself where a label file lacks it.
function t(key, fields) {
  const found = lookUp('page.' + key);
  return found === undefined ? key : fill(found, fields);
}

// A word of the trade (why., rule., kind. ...): from the common label files, else the
// page's own, else the code as it stands.
function term(group, code) {
  if (code === null || code === undefined || code === '') return DASH;
  const common = lookUp(group + '.' + code);
  if (common !== undefined && !/\{\w+\}/.test(common)) return common;
  const own = lookUp('page.' + group + '.' + code);
  return own === undefined ? code : own;
}

function told(texts) { return (texts && (texts[state.language] || texts.en)) || ''; }

const formats = new Map();

function number(value, digits = 0, least = digits) {
  if (!isKnown(value)) return DASH;
  const key = state.language + digits + '/' + least;
  if (!formats.has(key)) {
    formats.set(key, new Intl.NumberFormat(LOCALES[state.language] || state.language, {
      minimumFractionDigits: least, maximumFractionDigits: digits,
    }));
  }
  return formats.get(key).format(value).replace('-', '\u2212');
}

function isKnown(value) { return value !== null && value !== undefined && !Number.isNaN(value); }

function money(value) {
  if (!isKnown(value)) return DASH;
  const amount = value / META.money_unit;
  return number(amount, Math.abs(amount) < 10 && amount % 1 ? 1 : 0);
}

function moneyUnit() {
  const size = { 1e3: 'thousand', 1e6: 'million', 1e9: 'billion' }[META.money_unit];
  if (!size) return META.money_unit === 1 ? META.currency : META.money_unit + ' ' + META.currency;
  if (META.currency === 'VND') return t('unit.' + size);
  return t('unit.' + size + '-any', { currency: META.currency });
}

function day(iso) {
  if (!iso) return DASH;
  const [year, month, date] = iso.split('-');
  return date + '/' + month + '/' + year;
}

function percent(value) { return isKnown(value) ? number(value * 100, 0) + ' %' : DASH; }

// A figure in a cell; the unknown is a dash that says so, never a zero.
function figure(text) {
  const known = text !== DASH;
  return el('span', known ? { text } : { text, class: 'unknown', title: t('unknown') });
}

function plain(text) {
  return text.normalize('NFD').replace(/[\u0300-\u036f]/g, '').replace(/[đĐ]/g, 'd').toLowerCase();
}

function clear(node, ...children) {
  node.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function narrow() { return window.matchMedia('(max-width: 760px)').matches; }

// Elements and words. Text is only ever set as text: what peers and clients say never becomes markup.

export const byId = id => document.getElementById(id);

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {}))
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

export const h = (name, attributes, ...children) =>
  fill(document.createElement(name), attributes, children);

export const svg = (name, attributes, ...children) =>
  fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);

// Only where it changes, so that a screen reader is not told the same again.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// A table's head stays; its rows are made anew. A column: {head, cell(row), kind}, the first one
// names the row.
export function table(element, caption, columns, rows, none) {
  if (!element.tHead) {
    element.append(
      h('caption', { class: caption.quiet ? 'unseen' : null }, caption.text),
      h('thead', {}, h('tr', {}, ...columns.map(c =>
        h('th', { scope: 'col', class: c.kind === 'number' ? 'number' : null }, c.head)))),
      h('tbody'));
  }
  const lines = rows.map(row => h('tr', {}, ...columns.map((column, i) => {
    const value = column.cell(row);
    return h(i === 0 ? 'th' : 'td', { scope: i === 0 ? 'row' : null, class: column.kind || null },
      value instanceof Node ? value : String(value));
  })));
  if (rows.length === 0)
    lines.push(h('tr', {}, h('td', { colspan: columns.length, class: 'evidence' }, none)));
  element.tBodies[0].replaceChildren(...lines);
}

// ---- numbers and times, for people ----

export const count = n => (typeof n === 'number' ? n.toLocaleString('en') : '–');

export function ms(value) {
  if (typeof value !== 'number') return '–';
  if (value < 10) return `${value.toFixed(1)} ms`;
  return value < 10000 ? `${Math.round(value)} ms` : duration(value);
}

export function duration(value) {
  if (typeof value !== 'number') return '–';
  const s = value / 1000;
  if (s < 1) return `${Math.round(value)} ms`;
  if (s < 120) return `${Math.round(s)} s`;
  if (s < 7200) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

export const share = value =>
  typeof value !== 'number' ? '–' : `${(value * 100).toFixed(value > 0 && value < 0.1 ? 1 : 0)} %`;

export function clock(date) {
  return new Date(date).toLocaleTimeString('en-GB');
}

// ---- verdicts ----

const VERDICTS = {
  alive: { level: 'good', glyph: '✓' },
  draining: { level: 'info', glyph: '→' },
  headless: { level: 'warn', glyph: '½' },
  suspect: { level: 'warn', glyph: '?' },
  degraded: { level: 'warn', glyph: '↓' },
  partitioned: { level: 'bad', glyph: '≠' },
  crashed: { level: 'bad', glyph: '✕' },
  unknown: { level: 'quiet', glyph: '…' },
};

export const verdictOf = word => VERDICTS[word] || VERDICTS.unknown;

export const verdictWord = word =>
  h('span', { class: 'word', 'data-level': verdictOf(word).level },
    h('span', { 'aria-hidden': 'true' }, `${verdictOf(word).glyph} `), word);

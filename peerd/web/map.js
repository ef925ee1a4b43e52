// The overlay as a map: two clusters lie the further apart the longer the round trip between them is,
// ours as we measure it, others' as they tell. Colour, sign and word say what we believe of each.
import { svg, h, ms, verdictOf } from '/page/dom.js';

const WIDTH = 640, HEIGHT = 440, MARGIN_X = 78, MARGIN_TOP = 40, MARGIN_BOTTOM = 72;
const NEAREST_MS = 5, ROUNDS = 300, APART = 150, LABELS_MAX = 6;

const pair = (a, b) => (a < b ? `${a} ${b}` : `${b} ${a}`);

// ---- what is known of each pair ----

// Round trips and words of others about others, by pair; the later of two words is kept.
function pairsOf(peers) {
  const pairs = new Map();
  for (const peer of peers.peers) {
    pairs.set(pair(peers.cluster, peer.name),
      { ours: true, a: peers.cluster, b: peer.name, rtt: peer.rtt_ms, verdict: peer.verdict });
    for (const view of peer.views) {
      const key = pair(peer.name, view.about), known = pairs.get(key);
      const rtt = view.rtt_ms > 0 ? view.rtt_ms : known?.rtt;
      const worse = known && verdictOf(known.verdict).level !== 'good' ? known.verdict : view.verdict;
      pairs.set(key, { ours: false, a: peer.name, b: view.about, rtt, verdict: worse });
    }
  }
  return pairs;
}

// In steps, so that the map does not tremble with each measurement.
const lengthOf = rtt => Math.round((1 + Math.log2(1 + Math.max(rtt, 0) / NEAREST_MS)) * 3) / 3;

// ---- where each lies ----

let layout = { key: '', at: new Map() };
const remembered = new Map();

function distances(names, pairs) {
  const known = [];
  for (const p of pairs.values()) {
    if (typeof p.rtt === 'number') remembered.set(pair(p.a, p.b), lengthOf(p.rtt));
  }
  for (const a of names)
    for (const b of names)
      if (a < b && remembered.has(pair(a, b))) known.push(remembered.get(pair(a, b)));
  const usual = known.length ? known.reduce((x, y) => x + y) / known.length : 1;
  return names.map(a => names.map(b => (a === b ? 0 : remembered.get(pair(a, b)) ?? usual)));
}

// Stress majorisation (SMACOF), from a circle: the same names and distances give the same map.
function settle(far) {
  const n = far.length;
  let at = far.map((_, i) => {
    const angle = 2 * Math.PI * i / n - Math.PI / 2;
    return [Math.cos(angle), Math.sin(angle)];
  });
  for (let round = 0; round < ROUNDS && n > 1; round++) {
    at = at.map((p, i) => {
      let x = 0, y = 0, weights = 0;
      at.forEach((q, j) => {
        if (i === j) return;
        const dx = p[0] - q[0], dy = p[1] - q[1], d = Math.hypot(dx, dy) || 1e-6;
        const weight = 1 / far[i][j] ** 2;
        x += weight * (q[0] + dx * far[i][j] / d);
        y += weight * (q[1] + dy * far[i][j] / d);
        weights += weight;
      });
      return [x / weights, y / weights];
    });
  }
  return at;
}

// Into the picture, as wide as it is; then nobody upon another.
function place(at) {
  const xs = at.map(p => p[0]), ys = at.map(p => p[1]);
  const wide = Math.max(...xs) - Math.min(...xs) || 1, high = Math.max(...ys) - Math.min(...ys) || 1;
  const room = [WIDTH - 2 * MARGIN_X, HEIGHT - MARGIN_TOP - MARGIN_BOTTOM];
  const scale = Math.min(room[0] / wide, room[1] / high);
  const inside = p => [
    Math.min(Math.max(p[0], MARGIN_X), WIDTH - MARGIN_X),
    Math.min(Math.max(p[1], MARGIN_TOP), HEIGHT - MARGIN_BOTTOM)];
  let out = at.map(p => [
    WIDTH / 2 + (p[0] - (Math.max(...xs) + Math.min(...xs)) / 2) * scale,
    MARGIN_TOP + room[1] / 2 + (p[1] - (Math.max(...ys) + Math.min(...ys)) / 2) * scale]);
  const apart = Math.min(APART, 400 / Math.sqrt(at.length));
  for (let round = 0; round < 60; round++)
    for (let i = 0; i < out.length; i++)
      for (let j = 0; j < i; j++) {
        const dx = out[i][0] - out[j][0], dy = out[i][1] - out[j][1], d = Math.hypot(dx, dy) || 1;
        if (d >= apart) continue;
        const push = (apart - d) / 2 / d;
        out[i] = inside([out[i][0] + dx * push, out[i][1] + dy * push]);
        out[j] = inside([out[j][0] - dx * push, out[j][1] - dy * push]);
      }
  return out;
}

function positions(names, pairs) {
  const far = distances(names, pairs), key = names.join() + far.join();
  if (key !== layout.key) {
    const at = place(settle(far));
    layout = { key, at: new Map(names.map((name, i) => [name, at[i]])) };
  }
  return layout.at;
}

// ---- drawing ----

// Where along its line a label stands clear of the words below each cluster and of other labels.
const PLACES = [0.5, 0.42, 0.58, 0.35, 0.65, 0.28, 0.72];

const overlaps = (a, b) => Math.max(0, Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x)) *
  Math.max(0, Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y));

function clear(a, b, wide, taken) {
  let best = null;
  for (const t of PLACES) {
    const x = a[0] + (b[0] - a[0]) * t, y = a[1] + (b[1] - a[1]) * t;
    const box = { x: x - wide / 2, y: y - 10, w: wide, h: 20 };
    const cost = taken.reduce((sum, other) => sum + overlaps(box, other), 0);
    if (!best || cost < best.cost) best = { x, y, box, cost };
    if (cost === 0) break;
  }
  taken.push(best.box);
  return best;
}

const nodeBox = at => ({ x: at[0] - 62, y: at[1] - 26, w: 124, h: 92 });

function edge(p, at, gone, labelled, taken) {
  const [a, b] = [at.get(p.a), at.get(p.b)];
  const broken = gone.has(p.a) || gone.has(p.b) || verdictOf(p.verdict).level === 'bad';
  const level = gone.has(p.a) || gone.has(p.b) ? (p.ours ? 'bad' : 'quiet') : verdictOf(p.verdict).level;
  const line = svg('line', {
    class: `edge${p.ours ? '' : ' foreign'}${broken ? ' broken' : ''}`,
    'data-level': p.ours || level !== 'good' ? level : 'quiet',
    x1: a[0], y1: a[1], x2: b[0], y2: b[1],
  });
  if (broken || !labelled || typeof p.rtt !== 'number') return [line];
  const text = ms(p.rtt), wide = text.length * 8.5, { x, y } = clear(a, b, wide, taken);
  return [line, svg('g', { transform: `translate(${x} ${y})` },
    svg('rect', { class: 'plate', x: -wide / 2, y: -10, width: wide, height: 20 }),
    svg('text', { class: p.ours ? 'rtt' : 'foreign-rtt', y: 5 }, text))];
}

function node(name, here, verdict, words, at) {
  const { level, glyph } = verdictOf(verdict);
  return svg('g', { class: 'node', 'data-level': level, 'data-cluster': name, 'data-verdict': verdict,
    transform: `translate(${at[0]} ${at[1]})` },
    here ? svg('circle', { class: 'ring', r: 26 }) : null,
    svg('circle', { r: 20 }),
    svg('text', { class: 'glyph', y: 7 }, here ? '⌂' : glyph),
    svg('text', { class: 'name', y: 44 }, name),
    svg('text', { class: 'word', y: 61 }, words));
}

function sentence(peers) {
  const said = peers.peers.map(p =>
    `${p.name} ${p.verdict}${typeof p.rtt_ms === 'number' ? ` at ${ms(p.rtt_ms)}` : ''}`);
  return `${peers.cluster} sees ${said.length ? said.join(', ') : 'no other cluster'}.`;
}

export function drawMap(element, legend, snapshot) {
  const { peers, status } = snapshot, pairs = pairsOf(peers);
  const names = [peers.cluster, ...peers.peers.map(p => p.name)].sort();
  const at = positions(names, pairs);
  const gone = new Set(peers.peers.filter(p => ['crashed', 'partitioned', 'unknown'].includes(p.verdict))
    .map(p => p.name));
  const taken = names.map(name => nodeBox(at.get(name)));
  const edges = [...pairs.values()].filter(p => at.has(p.a) && at.has(p.b))
    .sort((x, y) => y.ours - x.ours)
    .map(p => edge(p, at, gone, names.length <= (p.ours ? 3 : 1) * LABELS_MAX, taken)).reverse();
  const own = status.drain.draining ? 'draining' : 'alive';
  const nodes = peers.peers.map(p =>
    node(p.name, false, p.verdict, gone.has(p.name) ? p.verdict : `${p.verdict}, ${p.sessions} served`,
      at.get(p.name)));
  nodes.push(node(peers.cluster, true, own, `here, ${status.sessions} served`, at.get(peers.cluster)));
  const lines = edges.map(e => e[0]), labels = edges.flatMap(e => e.slice(1));
  element.replaceChildren(...lines, ...labels, ...nodes);
  element.setAttribute('aria-label', sentence(peers));
  const seen = [...new Set(peers.peers.map(p => p.verdict))];
  legend.replaceChildren(...seen.map(word => h('li', { 'data-level': verdictOf(word).level },
    `${verdictOf(word).glyph} ${word}: ${peers.peers.filter(p => p.verdict === word).length}`)));
}

// Each section from the answer of /v1/page: figures, warnings, tables.
import { byId, h, setText, table, count, ms, duration, share, verdictOf, verdictWord } from '/page/dom.js';

const levelled = (text, level) => h('span', { class: 'word', 'data-level': level }, text);

// ---- at a glance ----

export function drawFigures({ status, peers }) {
  const alive = peers.peers.filter(p => p.verdict === 'alive' || p.verdict === 'draining').length;
  const machines = status.nodes.length;
  const rows = [
    ['sessions served', count(status.sessions), ` of ${count(status.credit)}`],
    ['standbys for peers', count(status.standbys), status.hot ? `, ${count(status.hot)} hot` : ''],
    ['slots free', count(status.free), ''],
    ['peers alive', count(alive), ` of ${peers.peers.length}`],
    ['machines', count(status.nodes_registered), ` of ${machines}`],
    ['moves done', count(status.counters.moves_over), ''],
  ];
  byId('figures').replaceChildren(...rows.map(([name, value, rest]) =>
    h('div', {}, h('dt', {}, name), h('dd', {}, value, rest ? h('small', {}, rest) : null))));
}

const worst = { good: 0, quiet: 0, info: 1, warn: 2, bad: 3 };

export function drawState({ status, peers }) {
  const element = byId('state'), trouble = status.trouble.length;
  let level = 'good', text = 'all is well';
  for (const peer of peers.peers)
    if (worst[verdictOf(peer.verdict).level] > worst[level]) level = verdictOf(peer.verdict).level;
  if (status.drain.draining) {
    text = status.drain.drained ? 'drained' : `draining, ${count(status.drain.left)} sessions left`;
    if (level === 'good') level = 'info';
  } else if (trouble > 0) {
    text = `${trouble} warning${trouble > 1 ? 's' : ''}`;
    if (worst[level] < 2) level = 'warn';
  } else if (level === 'info') {
    text = 'a peer drains';
  }
  element.dataset.level = level;
  setText(element, text);
  setText(byId('cluster'), status.cluster);
  document.title = `${status.cluster}: ${text} – peerd`;
}

export function drawWarnings({ status }) {
  byId('warnings').hidden = status.trouble.length === 0;
  const list = byId('warning-list');
  if (list.dataset.text === status.trouble.join('\n')) return;
  list.dataset.text = status.trouble.join('\n');
  list.replaceChildren(...status.trouble.map(text => h('li', {}, text)));
}

// ---- clusters ----

const AGREED = { trusted: 'by policy', unheard: 'wanted, not heard yet' };

function agreedWith(snapshot, name) {
  const row = snapshot.agreements.agreements.find(a => a.peer === name);
  if (!row) return '–';
  const word = AGREED[row.state] || row.state;
  return row.state === 'trusted' ? word : `${word}: ${count(row.held)} here, ${count(row.relied)} there`;
}

export function drawClusters(snapshot) {
  table(byId('clusters'), { text: 'Peers as this cluster sees them', quiet: true }, [
    { head: 'Cluster', cell: p => p.name },
    { head: 'Verdict', cell: p => verdictWord(p.verdict) },
    { head: 'For', kind: 'number', cell: p => duration(p.since_ms_ago) },
    { head: 'Round trip', kind: 'number', cell: p => ms(p.rtt_ms) },
    { head: 'Beats lost', kind: 'number', cell: p => share(p.loss) },
    { head: 'Noticed within', kind: 'number', cell: p => ms(p.detection.bound_ms) },
    { head: 'It serves', kind: 'number', cell: p => count(p.sessions) },
    { head: 'Free there', kind: 'number', cell: p => count(p.free) },
    { head: 'Lodged for us', kind: 'number', cell: p => count(p.lodged_slots) },
    { head: 'Here of it', kind: 'number', cell: p => `${count(p.sessions_here)} of ${count(p.reserved_slots)}` },
    { head: 'Agreement', cell: p => agreedWith(snapshot, p.name) },
    { head: 'Evidence', kind: 'evidence', cell: p => p.evidence || (p.damped ? 'it comes and goes: a backup only for want of another' : '') },
  ], snapshot.peers.peers, 'The policy names no peer, and none was found.');
}

// ---- capacity ----

export function drawCapacity({ status }) {
  const free = Math.max(0, status.free - status.reserved);
  const parts = [
    ['sessions', 'served', status.sessions], ['standbys', 'standbys', status.standbys],
    ['hedging', 'hedging', status.hedging], ['opened', 'opened, not begun', status.nodes.reduce((sum, n) => sum + n.opened, 0)],
    ['reserved', 'kept for peers', Math.min(status.reserved, status.free)], ['free', 'free for all', free],
  ];
  byId('bar').replaceChildren(...parts.map(([key, , n]) => {
    const part = h('span', { 'data-share': key });
    part.style.flexGrow = n;
    return part;
  }));
  byId('shares').replaceChildren(...parts.map(([key, name, n]) =>
    h('div', {}, h('dt', { 'data-share': key }, name), h('dd', {}, count(n)))),
    h('div', {}, h('dt', { 'data-share': 'none' }, 'leased to machines'), h('dd', {}, `${count(status.credit)} of ${count(status.capacity)}`)));
  table(byId('machines'), { text: 'Machines' }, [
    { head: 'Machine', cell: n => n.name },
    { head: 'State', cell: n => !n.registered ? levelled('not registered', 'bad') : n.sheds ? levelled('late, sheds sessions', 'warn') : levelled('registered', 'good') },
    { head: 'Workers', kind: 'number', cell: n => count(n.workers) },
    { head: 'Slots of each', kind: 'number', cell: n => count(n.slots_per_worker) },
    { head: 'Sessions', kind: 'number', cell: n => count(n.sessions) },
    { head: 'Standbys', kind: 'number', cell: n => count(n.standbys) },
    { head: 'Latest frame', kind: 'number', cell: n => ms(n.late_ms) },
    { head: 'Restarts', kind: 'number', cell: n => count(n.worker_restarts) },
    { head: 'Heard', kind: 'number', cell: n => n.heard_ms_ago === null ? 'never' : `${duration(n.heard_ms_ago)} ago` },
    { head: 'Sources that fail', kind: 'evidence', cell: n => n.source_errors.map(s => `${s.source}: ${s.text}`).join('; ') },
  ], status.nodes, 'The policy names no machine.');
}

// ---- locations ----

const ORDER = ['degraded', 'fallen'];
const LOCATION_LEVEL = { degraded: 'bad', fallen: 'warn' };

const rating = (r, mos) => typeof r !== 'number' ? '–' : mos ? `${r.toFixed(0)} (MOS ${mos.toFixed(1)})` : r.toFixed(0);

const others = l => l.peers.filter(p => typeof p.r === 'number')
  .map(p => `${p.cluster} ${p.r.toFixed(0)}`).join(', ');

export function drawLocations({ locations }) {
  const at = l => (ORDER.indexOf(l.state) + ORDER.length + 1) % (ORDER.length + 1);
  const rows = [...locations.locations].sort((a, b) => at(a) - at(b) || b.clients - a.clients);
  const more = locations.total - locations.locations.length;
  setText(byId('locations-hint'), `R is the rating of ITU-T G.107: above 80 satisfied, below 60 hardly anybody.${more > 0 ? ` ${count(more)} locations are not shown.` : ''}`);
  table(byId('locations'), { text: 'How listeners of each location fare', quiet: true }, [
    { head: 'Location', cell: l => l.location },
    { head: 'State', cell: l => levelled(l.state, LOCATION_LEVEL[l.state] || 'quiet') },
    { head: 'Listeners', kind: 'number', cell: l => count(l.clients) },
    { head: 'R usually', kind: 'number', cell: l => rating(l.r, l.mos) },
    { head: 'R now', kind: 'number', cell: l => rating(l.r_now) },
    { head: 'R of the worst tenth', kind: 'number', cell: l => rating(l.r_worst_tenth) },
    { head: 'Frames lost', kind: 'number', cell: l => share(l.loss) },
    { head: 'Round trip (95 %)', kind: 'number', cell: l => `${ms(l.rtt_ms)} (${ms(l.rtt_ms_p95)})` },
    { head: 'Jitter (95 %)', kind: 'number', cell: l => ms(l.jitter_ms_p95) },
    { head: 'R by peers', kind: 'evidence', cell: others },
  ], rows, 'No listener of ours has reported yet.');
}

// ---- moves ----

const short = id => h('span', { class: 'code', title: id }, id.slice(0, 8));

function forClient(m) {
  if (!m.client) return '–';
  return m.client.lost === 0 ? levelled('nothing lost', 'good')
    : levelled(`${m.client.lost} frames lost (${ms(m.client.gap_ms)})`, 'bad');
}

export function drawMoves({ moves, status }) {
  const c = status.counters;
  setText(byId('moves-hint'), `Since the start ${count(c.moves_over)} done, ${count(c.moves_cancelled)} called off. The newest first.`);
  table(byId('moves'), { text: 'The newest moves', quiet: true }, [
    { head: 'Session', cell: m => short(m.session) },
    { head: 'When', kind: 'number', cell: m => `${duration(m.begun_ms_ago)} ago` },
    { head: 'From', cell: m => m.from },
    { head: 'To', cell: m => m.to },
    { head: 'Cause', cell: m => m.cause },
    { head: 'State', cell: m => m.called_off ? `called off in ${m.called_off.in}` : m.state },
    { head: 'Noticed after', kind: 'number', cell: m => ms(m.client?.detect_ms) },
    { head: 'Next frame after', kind: 'number', cell: m => ms(m.client?.first_frame_ms) },
    { head: 'For the listener', cell: forClient },
    { head: 'Evidence', kind: 'evidence', cell: m => m.evidence },
  ], [...moves.moves].reverse(), 'No session has moved yet.');
}

// ---- policy ----

export function drawPolicy(policy) {
  setText(byId('policy-hint'), policy.newer_refused
    ? `${policy.file} has faults: the policy before it rules.`
    : `${policy.file}: what it says beyond what holds without a word.`);
  byId('policy-hint').dataset.level = policy.newer_refused ? 'bad' : 'quiet';
  const rows = policy.services.map(s => ({ key: `services[${s.name}]`, preset: null,
    value: `${count(s.capacity)} sessions, priority ${s.priority}${s.hot ? ', hot standbys' : ''}` }))
    .concat(policy.keys.filter(k => !k.key.startsWith('services[')));
  table(byId('policy'), { text: 'Keys of the policy', quiet: true }, [
    { head: 'Key', kind: 'code', cell: k => k.key },
    { head: 'In force', kind: 'code', cell: k => k.value },
    { head: 'Without a word', kind: 'code', cell: k => k.preset ?? '' },
  ], rows, 'Nothing but what holds without a word.');
}

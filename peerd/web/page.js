// The status page of one cluster: it shows, and changes nothing.
import { byId, h, setText, count, duration, clock, verdictOf } from '/page/dom.js';
import { drawMap } from '/page/map.js';
import * as sections from '/page/sections.js';
import { follow } from '/page/source.js';

const EVENTS_MAX = 80, LOST_AFTER = 2;

// ---- events ----

const MOVE_LEVEL = { over: 'info', cancelled: 'quiet', settled: 'quiet' };

function levelOf(e) {
  if (e.kind === 'verdict') return verdictOf(e.what).level;
  if (e.kind === 'move') return MOVE_LEVEL[e.what] || 'info';
  if (e.kind === 'refusal' || e.what === 'refused' || e.what === 'ill' || e.what === 'late' ||
      e.what === 'overdue') return 'warn';
  return e.kind === 'drain' ? 'info' : 'quiet';
}

function sentenceOf(e) {
  switch (e.kind) {
    case 'verdict': return `${e.cluster} is ${e.what}`;
    case 'move': return `${e.session.slice(0, 8)} moved ${e.from ?? '?'} → ${e.cluster ?? '?'}, ${e.cause}${e.what === 'over' ? '' : `: ${e.what}`}`;
    case 'drain': return `Drain: ${e.what}`;
    case 'policy': return `Policy ${e.what}`;
    case 'refusal': return `${count(e.count)} refused (${e.what}): ${e.reason}`;
    case 'redirect': return `${count(e.count)} new sessions begin at ${e.cluster}: ${e.what}`;
    default: return `${e.kind} ${e.what}${e.cluster ? ` ${e.cluster}` : ''}`;
  }
}

// A crowd that moves for one reason is one line with a count.
let newestLine = { key: null, times: 0, element: null };

function drawEvent(e, fresh) {
  const key = e.kind === 'move' ? [e.what, e.from, e.cluster, e.cause, e.text].join('\n') : null;
  const more = key !== null && key === newestLine.key;
  const times = more ? newestLine.times + 1 : 1;
  const said = times > 1 ? sentenceOf(e).replace(/^\S+/, `${times} sessions`) : sentenceOf(e);
  const element = h('li', { class: fresh && !more ? 'new' : null, 'data-level': levelOf(e), 'data-kind': e.kind },
    h('time', { datetime: e.at }, clock(e.at)), h('span', {}, said), e.text ? h('small', {}, e.text) : null);
  if (more) newestLine.element.replaceWith(element);
  else byId('events').prepend(element);
  newestLine = { key, times, element };
}

function drawEvents(list, fresh) {
  const into = byId('events');
  for (const e of list) drawEvent(e, fresh);
  while (into.children.length > EVENTS_MAX) into.lastChild.remove();
  byId('events-none').hidden = into.children.length > 0;
}

// ---- connection ----

let failures = 0, streaming = false, newest = null, answeredAt = Date.now(), name = 'peerd';

// An address that a peer has told: only where a browser goes anyway.
function pageOf(url) {
  try {
    const to = new URL('/', url);
    return to.protocol === 'http:' || to.protocol === 'https:' ? to.href : null;
  } catch {
    return null;
  }
}

function elsewhere() {
  return (newest?.elsewhere ?? []).map(e => [e.cluster, pageOf(e.url)]).filter(([, url]) => url)
    .map(([cluster, url]) => h('li', {}, h('a', { href: url, rel: 'noreferrer' }, `Page of ${cluster}`)));
}

function drawConnection() {
  const live = byId('live'), lost = byId('lost'), gone = failures >= LOST_AFTER;
  live.dataset.level = gone ? 'bad' : streaming ? 'good' : 'warn';
  setText(live, gone ? 'no answer' : streaming ? 'live' : 'every 2 s, no events');
  if (gone && lost.hidden)
    lost.replaceChildren(h('strong', {}, `${name} does not answer.`),
      ` What you see is of ${clock(answeredAt)}. Its peerd, its host or the way to it is gone; media goes on without peerd. `,
      h('ul', { class: 'elsewhere' }, ...elsewhere()));
  lost.hidden = !gone;
}

const page = {
  snapshot(all) {
    newest = all;
    name = all.status.cluster;
    sections.drawState(all);
    sections.drawWarnings(all);
    sections.drawFigures(all);
    drawMap(byId('map'), byId('legend'), all);
    sections.drawClusters(all);
    sections.drawCapacity(all);
    sections.drawLocations(all);
    sections.drawMoves(all);
    setText(byId('place'), all.status.recovering ? 'recovering after its start' : '');
    setText(byId('about'), `peerd ${all.status.version}, up ${duration(all.status.up_ms)}. The same for a terminal: peerctl status, peers, locations, ledger, events.`);
    byId('elsewhere').replaceChildren(...elsewhere());
    document.body.dataset.drawn = 'yes';
  },
  policy: sections.drawPolicy,
  events: drawEvents,
  missed(n) {
    byId('events').prepend(h('li', { 'data-level': 'warn' }, `${count(n)} earlier events are not kept any more`));
  },
  answered(good) {
    failures = good ? 0 : failures + 1;
    if (good) answeredAt = Date.now();
    drawConnection();
  },
  streaming(is) {
    streaming = is;
    drawConnection();
  },
};

// The frame of the page first: then there is something to look at while peerd is asked.
if (document.hidden) follow(page);
else requestAnimationFrame(() => setTimeout(() => follow(page)));

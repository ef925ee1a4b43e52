// What `players` judges: in each row the four players play together, something happens to the site that
// serves them, and each must go on elsewhere. The bound is how long a player may stand still after it,
// in sum [ms]; at the end every player plays. A bound that is null is not kept yet, and said to be open.
//
//   node players.mjs [ROW ...]
import { chromium } from 'playwright-core';
import { players, serve } from './players_page.mjs';
import { begin, door, mediaHost, names, sites, sleep } from './players_sites.mjs';

// dash.js waits 20 s for a segment and asks for the same URL four times; nothing that a server says
// makes it give up earlier, but its page may (DASH=quick; README.md).
if (!['patient', 'quick'].includes(process.env.DASH ??= 'patient')) {
  console.error('players: DASH is patient (as its makers have it) or quick');
  process.exit(64);
}
const quick = process.env.DASH === 'quick';
const none = { default: 0 }, late = { default: 0, 'dash.js': quick ? 0 : null };
const some = { default: 2500, shaka: 3500, 'dash.js': quick ? 2500 : null };
const drain = site => site.operator('drain'), kill = site => site.kill();
const freeze = site => site.freeze(), cut = site => site.cut();
const rows = {
  drain: { capped: true, bound: none, steps: [{ happens: drain, watch_s: 25 }] },
  killed: { capped: true, bound: none, steps: [{ happens: kill, watch_s: 30 }] },
  'frozen-30': { capped: false, bound: late, steps: [{ happens: freeze, watch_s: 90 }] },
  'frozen-8': { capped: true, bound: some, steps: [{ happens: freeze, watch_s: 90 }] },
  'cut-30': { capped: false, bound: late, steps: [{ happens: cut, watch_s: 90 }] },
  'cut-8': { capped: true, bound: some, steps: [{ happens: cut, watch_s: 90 }] },
  origins: { capped: true, bound: none, steps: [
    { happens: site => site.killMedia(made), watch_s: 20, after: site => site.startMedia(made) },
    { happens: drain, watch_s: 20 }] },
};
const PLAYS_S = 12; // before anything happens: every buffer is full
const asked = process.argv.slice(2);
const wanted = asked.length > 0 ? asked : Object.keys(rows);
const chosen = (process.env.PLAYERS || Object.keys(players).join(' ')).split(/\s+/);
const made = process.env.MEDIA === 'transcoderd', live = process.env.LIVE === 'true';
for (const name of [...wanted.filter(row => !rows[row]), ...chosen.filter(player => !players[player])]) {
  console.error(`players: there is no ${name}; rows: ${Object.keys(rows).join(' ')}; players: ${Object.keys(players).join(' ')}`);
  process.exit(64);
}

class Playing {
  constructor(player) {
    this.player = player;
    this.media = []; // {at, site}: of each request for a segment that was not asked for there before
    this.asked = new Set();
    this.questions = []; // {at, site, serving}: of each steering request
    this.judged = 0; // when that was last
  }

  async start(browser, port, capped) {
    const kind = players[this.player].kind;
    const url = `${door(names[0])}/v1/${kind}/film/${kind === 'hls' ? 'master.m3u8' : 'manifest.mpd'}`;
    this.page = await (await browser.newContext()).newPage();
    this.page.on('request', request => this.asks(new URL(request.url())));
    await this.page.goto(`http://127.0.0.1:${port}/${this.player}?capped=${capped}&quick=${quick}&url=${encodeURIComponent(url)}`);
  }

  asks(url) {
    const site = names.find(name => url.hostname === mediaHost(name) || url.hostname === `${name}.test`);
    if (/[.](ts|m4s)$/.test(url.pathname) && !this.asked.has(url.href)) {
      this.media.push({ at: Date.now(), site });
      this.asked.add(url.href); // dash.js tries again where it has left already
    }
    if (url.pathname.startsWith('/v1/steer/')) this.questions.push({ at: Date.now(), site, serving: this.serving() });
  }

  // Every change of site: [ms since it began, site].
  way() {
    const from = this.media[0]?.at;
    return this.media.filter((m, i, all) => i === 0 || all[i - 1].site !== m.site).map(m => [m.at - from, m.site]);
  }

  serving() { return this.media.at(-1)?.site; }
  look() { return this.page.evaluate(() => window.look()); }

  // What is wrong since that site met with something at that time.
  judge(look, bound, at, victim) {
    const stalls = look.stalls.filter(s => s.at + s.ms > at), standing = look.standing_ms;
    const stalled_ms = stalls.reduce((sum, s) => sum + s.ms, 0) + (standing > 300 ? standing : 0);
    const away = this.media.find(m => m.at > at && m.site !== victim);
    const wrong = [];
    if (bound !== null && stalled_ms > bound) wrong.push(`stood still for ${stalled_ms} ms, at most ${bound} is allowed`);
    if (standing > 300) wrong.push('does not play at the end');
    if (this.serving() === victim || !away) wrong.push(`did not leave ${victim}`);
    if (look.stalls.some(s => s.at + s.ms <= at && s.at > this.judged)) wrong.push('stood still before anything happened');
    if (this.questions.length < 2) wrong.push(`asked ${this.questions.length} times where to go`);
    // Once it does so that goes by itself to whom it was to ask next.
    if (this.questions.some((q, i, all) => i > 0 && q.serving === q.site && all[i - 1].serving === q.serving && all[i - 1].site === q.site))
      wrong.push('asks who serves it where to go');
    const moves = this.media.filter((m, i, all) => m.at > at && i > 0 && all[i - 1].site !== m.site).length;
    if (bound !== null && moves > 2) wrong.push(`went to and fro, ${moves} times`);
    this.judged = Date.now();
    return { player: this.player, stalled_ms, bound, stalls: stalls.map(s => [s.at - at, s.ms]), from: victim,
      to: this.serving(), left_ms: away ? away.at - at : null, least_s: Number(look.least_s?.toFixed(1)),
      events: look.events.filter(e => e.at > at - 2000).map(e => `${e.at - at} ${e.what} ${e.text}`), wrong };
  }
}

const launch = () => chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--disable-background-timer-throttling', '--disable-renderer-backgrounding',
    '--disable-backgrounding-occluded-windows', '--autoplay-policy=no-user-gesture-required'],
});

function tell(name, r, p) {
  const word = r.wrong.length > 0 ? 'FAIL' : r.bound === null && r.stalled_ms > 0 ? 'open' : 'ok';
  console.log(`  ${word}  ${name}, ${r.player}: ` + (r.wrong.join('; ') ||
    `stood still ${r.stalled_ms} ms, left ${r.from} for ${r.to} after ${r.left_ms} ms`) +
    ` (held ${r.held_s} s, least ${r.least_s} s)`);
  if (r.wrong.length > 0 || process.env.V)
    for (const line of [...r.events.slice(-12), JSON.stringify(r.stalls), JSON.stringify(p.way())])
      console.log(`        ${line}`);
}

// One thing that happens to the site where they are.
async function step(name, row, what, playing, control) {
  const victim = playing[0].serving();
  const before = await Promise.all(playing.map(p => p.look()));
  const there = playing.map((p, i) => before[i].began > 0 && p.serving() === victim);
  const at = Date.now();
  if (victim) what.happens(sites[victim]);
  await sleep(what.watch_s * 1000);
  const looks = await Promise.all(playing.map(p => p.look()));
  const { stalls, standing_ms } = await control.evaluate(() => window.look());
  const spoilt_ms = stalls.filter(s => s.at > at).reduce((sum, s) => sum + s.ms, standing_ms > 300 ? standing_ms : 0);
  const results = playing.map((p, i) => {
    const r = p.judge(looks[i], p.player in row.bound ? row.bound[p.player] : row.bound.default, at, victim);
    if (!there[i]) r.wrong.push(`was not at ${victim} when it happened`);
    r.there = there[i];
    r.held_s = Number(before[i].held_s.toFixed(1));
    return r;
  });
  results.forEach((r, i) => tell(name, r, playing[i]));
  if (victim && what.after) what.after(sites[victim]);
  return { results, spoilt_ms };
}

async function play(name, row) {
  await begin(live, made);
  const server = await serve(`${process.env.PLAYERS_DIR}/film.mp4`), browser = await launch();
  const playing = chosen.map(player => new Playing(player));
  const control = await (await browser.newContext()).newPage();
  await control.goto(`http://127.0.0.1:${server.port}/control`);
  for (const p of playing) await p.start(browser, server.port, row.capped);
  await sleep(PLAYS_S * 1000);
  const all = { results: [], spoilt_ms: 0 };
  for (const what of row.steps) {
    const { results, spoilt_ms } = await step(name, row, what, playing, control);
    all.results.push(...results);
    all.spoilt_ms += spoilt_ms;
  }
  await browser.close();
  server.close();
  return all;
}

// Again, at most twice, where a film that the browser held whole stood still as well, or where a player was
// elsewhere to begin with: a machine without time is far from itself, and steering goes by that.
async function judged(name) {
  for (let tries = 2; ; tries--) {
    const { spoilt_ms, results } = await play(name, rows[name]);
    const spoilt = spoilt_ms > 0 || results.some(r => !r.there);
    if (results.every(r => r.wrong.length === 0) || !spoilt || tries === 0) return results;
    console.log(`  again  ${name}: ` + (spoilt_ms > 0 ? `a film without a network stood still for ${spoilt_ms} ms, so did the machine`
      : 'not all were at one site'));
  }
}

const report = {};
for (const name of wanted) report[name] = await judged(name);
for (const site of Object.values(sites)) await site.stop();
const failed = Object.values(report).flat().filter(r => r.wrong.length > 0).length;
console.log(JSON.stringify({ media: made ? 'transcoderd' : 'nginx', dash: process.env.DASH, rows: report, failed }));
process.exit(failed > 0 ? 1 : 0);

// A page for each player of npm, as its makers show it, and what the page notes while it plays.
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';

const lies = path => new URL(`./node_modules/${path}`, import.meta.url);

// `begin` is the page's script, in which `capped` is true where the buffer is to be 8 s; else it is 30 s,
// and all is as the player's makers have it, but for two: Shaka holds 10 s unless told, and hls.js as
// much as there is of a film of few bits. Where `quick` is true dash.js is told what README.md advises.
export const players = {
  'hls.js': {
    kind: 'hls',
    file: lies('hls.js/dist/hls.min.js'),
    begin: `const most = capped ? 8 : 30, h = new Hls({maxBufferLength: most, maxMaxBufferLength: most});
      h.on(Hls.Events.ERROR, (e, d) => note('error', d.details + (d.fatal ? ' (fatal)' : '')));
      h.loadSource(url); h.attachMedia(video); await video.play();`,
  },
  shaka: {
    kind: 'hls',
    file: lies('shaka-player/dist/shaka-player.compiled.js'),
    begin: `shaka.polyfill.installAll(); const p = new shaka.Player();
      await p.attach(video); p.configure('streaming.bufferingGoal', capped ? 8 : 30);
      p.addEventListener('error', e => note('error', String(e.detail.code)));
      await p.load(url); await video.play();`,
  },
  'dash.js': {
    kind: 'dash',
    file: lies('dashjs/dist/modern/umd/dash.all.min.js'),
    begin: `const d = dashjs.MediaPlayer().create();
      if (capped) d.updateSettings({streaming: {buffer: {bufferTimeDefault: 8, bufferTimeAtTopQuality: 8,
        bufferTimeAtTopQualityLongForm: 8}}});
      if (quick) d.updateSettings({streaming: {fragmentRequestTimeout: 4000, retryAttempts: {MediaSegment: 0}}});
      // With play() here, before it has the MPD, dash.js would never ask where to go.
      d.on('error', e => note('error', e.error && e.error.message || String(e.error)));
      d.initialize(video, url, true);`,
  },
  'video.js': {
    kind: 'hls',
    file: lies('video.js/dist/video.min.js'),
    begin: `if (capped) videojs.Vhs.GOAL_BUFFER_LENGTH = videojs.Vhs.MAX_GOAL_BUFFER_LENGTH = 8;
      const v = videojs(video, {html5: {vhs: {overrideNative: true}}});
      v.on('error', () => note('error', v.error().message));
      v.src({src: url, type: 'application/x-mpegURL'}); v.play();`,
  },
};

// Every 50 ms the position is looked at: where it is the one before, that time counts as standing; where
// the page itself was late, as much of it as the position has not advanced. Standing for longer than
// 300 ms is a stall, once a second has been played: players that jump over a hole at the start wait there.
const script = (begin, url, capped, quick) => `
const url = ${JSON.stringify(url)}, capped = ${capped}, quick = ${quick}, video = document.getElementById('v'), events = [];
const note = (what, text) => events.push({at: Date.now(), what, text});
const state = {began: 0, steps: 0, last: 0, looked: 0, stood: 0, stalls: [], least: 1e9};
video.addEventListener('waiting', () => note('waiting', video.currentTime.toFixed(2)));
const held = () => {
  for (let i = 0; i < video.buffered.length; i++)
    if (video.buffered.start(i) <= video.currentTime + 0.1 && video.buffered.end(i) >= video.currentTime)
      return video.buffered.end(i) - video.currentTime;
  return 0;
};
setInterval(() => {
  const now = Date.now(), passed = now - (state.looked || now), moved = (video.currentTime - state.last) * 1000;
  state.looked = now;
  if (moved === 0 || passed > 200) state.stood += Math.max(0, passed - Math.max(0, moved));
  if (moved === 0) return;
  if (state.steps > 20 && state.stood > 300) state.stalls.push({at: Math.round(now - state.stood), ms: Math.round(state.stood)});
  if (state.steps > 20) state.least = Math.min(state.least, held());
  state.stood = 0; state.began ||= now; state.steps++; state.last = video.currentTime;
}, 50);
window.look = () => ({began: state.began, standing_ms: Math.round(state.stood), position: video.currentTime,
  held_s: held(), least_s: state.least, stalls: state.stalls, events, now: Date.now()});
(async () => { ${begin} })()
  .catch(e => note('error', e.message || String(e.code)));`;

// A film that the page holds whole before it plays: where this stands still, it is the machine.
const control = `video.src = URL.createObjectURL(await (await fetch('/film.mp4')).blob()); await video.play();`;

// Serves /PLAYER.script as it lies in its package, and /PLAYER?url=…&capped=…&quick=…
export async function serve(film) {
  const page = (title, source, begin, words) => `<!doctype html><title>${title}</title>
<video id=v muted playsinline width=320 height=180></video>${source}
<script>${script(begin, words.get('url'), words.get('capped') === 'true', words.get('quick') === 'true')}</script>`;
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://here');
    const player = pathname.slice(1).replace(/[.]script$/, '');
    const is = players[player];
    response.setHeader('Content-Type', pathname.endsWith('.script') ? 'text/javascript' : 'text/html; charset=utf-8');
    if (player === 'film.mp4') response.end(readFileSync(film));
    else if (player === 'control') response.end(page(player, '', control, searchParams));
    else if (!is) response.writeHead(404).end();
    else if (pathname.endsWith('.script')) response.end(readFileSync(is.file));
    else response.end(page(player, `<script src="/${player}.script"></script>`, is.begin, searchParams));
  }).listen(0, '127.0.0.1');
  await new Promise(done => server.once('listening', done));
  return { port: server.address().port, close: () => server.close() };
}

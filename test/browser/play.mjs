// Plays a playlist in headless Chromium with an unmodified player of npm, and says how it went.
//
//   node play.mjs hls.js|shaka|video.js URL SECONDS
//
// The player's buffer is capped at 8 s, so that it has to go on fetching. Every 50 ms the page notes
// the position; where it stood still for longer than 300 ms after it had begun, that is a stall. The
// first step is none: players that jump over a hole at the start wait there once more. A
// line for each change of the host that media comes from, on standard error as it happens; the sum on
// standard output at the end, as JSON.
import { chromium } from 'playwright-core';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [player, url, seconds] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const BUFFER_S = 8;

const players = {
  'hls.js': {
    file: () => require.resolve('hls.js/dist/hls.min.js'),
    begin: `const h = new Hls({maxBufferLength: ${BUFFER_S}, maxMaxBufferLength: ${BUFFER_S}});
      h.on(Hls.Events.ERROR, (e, d) => note('error', d.details));
      h.loadSource(url); h.attachMedia(video);`,
  },
  shaka: {
    file: () => require.resolve('shaka-player/dist/shaka-player.compiled.js'),
    begin: `shaka.polyfill.installAll(); const p = new shaka.Player();
      await p.attach(video); p.configure('streaming.bufferingGoal', ${BUFFER_S});
      p.addEventListener('error', e => note('error', String(e.detail.code)));
      await p.load(url);`,
  },
  'video.js': {
    file: () => require.resolve('video.js/dist/video.min.js'),
    begin: `videojs.Vhs.GOAL_BUFFER_LENGTH = ${BUFFER_S}; videojs.Vhs.MAX_GOAL_BUFFER_LENGTH = ${BUFFER_S};
      const v = videojs(video, {html5: {vhs: {overrideNative: true}}});
      v.on('error', () => note('error', v.error().message));
      v.src({src: url, type: 'application/x-mpegURL'}); v.play();`,
  },
};
const chosen = players[player];
if (!chosen || !url || !(Number(seconds) > 0)) {
  console.error('usage: play.mjs hls.js|shaka|video.js URL SECONDS');
  process.exit(64);
}

const page_html = `<!doctype html><meta charset=utf-8><title>player</title>
<video id=v muted playsinline width=192 height=108></video><script src=/player.js></script><script>
const url = ${JSON.stringify(url)}, video = document.getElementById('v'), events = [];
const note = (what, text) => events.push({at: performance.now(), what, text});
const state = {began: 0, startup: 0, moved: 0, last: 0, stalls: []};
setInterval(() => {
  const now = performance.now();
  if (video.currentTime !== state.last) {
    if (state.moved === state.began) state.startup = now - state.began;
    else if (state.began && now - state.moved > 300) state.stalls.push([Math.round(state.moved), Math.round(now - state.moved)]);
    state.began = state.began || now; state.moved = now; state.last = video.currentTime;
  }
}, 50);
window.report = () => ({played_s: video.currentTime, startup_ms: Math.round(state.startup),
  standing_ms: state.began ? Math.round(performance.now() - state.moved) : -1,
  stalls_at_ms: state.stalls, errors: events.map(e => [Math.round(e.at), e.text])});
(async () => { ${chosen.begin} video.play().catch(e => note('error', e.message)); })()
  .catch(e => note('error', e.message));
</script>`;

const server = createServer((request, response) => {
  const script = request.url === '/player.js';
  response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html');
  response.end(script ? readFileSync(chosen.file()) : page_html);
}).listen(0, '127.0.0.1');
await new Promise(done => server.once('listening', done));

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
    '--autoplay-policy=no-user-gesture-required'],
});
const page = await browser.newPage();
const began = Date.now(), hosts = [];
let steered = 0, host = '';
page.on('request', request => {
  const to = new URL(request.url());
  steered += to.pathname.startsWith('/v1/steer/');
  if (/[.](ts|m4s|mp4)$/.test(to.pathname) && to.host !== host) {
    host = to.host;
    hosts.push({ at_ms: Date.now() - began, host });
    console.error(`${Date.now()} media from ${host}`);
  }
});
await page.goto(`http://127.0.0.1:${server.address().port}/`);
await new Promise(done => setTimeout(done, Number(seconds) * 1000));
const report = await page.evaluate(() => window.report());
console.log(JSON.stringify({ player, steered, hosts, ...report }));
await browser.close();
server.close();
const bad = report.stalls_at_ms.length > 0 || report.standing_ms < 0 || report.standing_ms > 300;
process.exit(bad ? 1 : 0);

// Looks at the status page of fra1 in headless Chromium within test/browser/page.yaml, kills lon1,
// drains ams1, kills the peerd of fra1 itself, and says what it found, a line each; the last line is
// JSON. What is wrong ends it with 1.
//
//   node page.mjs FOLDER        pictures go there
//
// The page is told of the death of lon1 as everybody is who follows events: this program follows them,
// too, and notes when the verdict came and when the picture of it changed.
import { chromium } from 'playwright-core';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const FRA1 = 'http://10.1.0.1:7680', AMS1 = 'http://10.2.0.1:7680';
const PAINT_MS_MAX = 500, FOLLOWS_MS_MAX = 1000, LOADS = 5, PICTURE_BYTES_MAX = 150_000;
const out = process.argv[2];
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const report = { paint_ms: [], violations: {}, follows_ms: null };
let failed = false;

function check(good, text) {
  console.log(`  ${good ? 'ok' : 'FAIL'}  ${text}`);
  failed ||= !good;
}

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});

// Whatever a browser complains of, or is asked to fetch from anywhere else.
function watch(page, name) {
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type()) && !/ERR_CONNECTION|Failed to load resource/.test(message.text()))
      check(false, `${name}: the console says ${message.text()}`);
  });
  page.on('pageerror', error => check(false, `${name}: ${error.message}`));
  page.on('request', request => {
    if (new URL(request.url()).origin !== new URL(name).origin) check(false, `${name} fetches ${request.url()}`);
  });
}

async function open(url, options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 1000 }, ...options });
  const page = await context.newPage();
  watch(page, url);
  await page.goto(`${url}/`);
  await page.waitForFunction(() => document.body.dataset.drawn === 'yes');
  return page;
}

async function firstPaint() {
  const page = await open(FRA1);
  const entry = await page.waitForFunction(() =>
    performance.getEntriesByName('first-contentful-paint')[0]?.startTime);
  report.paint_ms.push(Math.round(await entry.jsonValue()));
  await page.context().close();
}

async function audit(page, name) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  report.violations[name] = found.violations.length;
  check(found.violations.length === 0, `axe-core ${found.testEngine.version}, ${name}: ${found.violations.length} violations`);
  for (const v of found.violations)
    console.log(`        ${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 120)).join(' | ')}`);
}

async function picture(page, name, options) {
  await page.evaluate(() => scrollTo(0, 0));
  const path = `${out}/${name}.png`;
  await page.screenshot({ path, ...options });
  return path;
}

const looks = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['narrow', { colorScheme: 'light', viewport: { width: 390, height: 844 }, reducedMotion: 'reduce' }],
];

async function everyLook(pages, when) {
  for (const [name] of looks) {
    await audit(pages[name], `${name}, ${when}`);
    await picture(pages[name], `${name}-${when}`, { fullPage: true });
  }
}

// ---- what happens to sites ----

const folder = name => `${process.env.LIVE_DIR}/${name}`;
const pidOf = (name, what) => Number(readFileSync(`${folder(name)}/${what}.pid`, 'utf8'));

function killSite(name) {
  for (const file of readdirSync(folder(name)))
    if (file.endsWith('.pid')) process.kill(pidOf(name, file.slice(0, -4)), 'SIGKILL');
}

// As the site's user, where its machine is.
function startPeerd(name, beside) {
  const { uid, gid } = statSync(`${folder(name)}/cluster.key`);
  spawn('nsenter', [`--net=/proc/${pidOf(beside, 'n1')}/ns/net`, 'setpriv', `--reuid=${uid}`,
    `--regid=${gid}`, '--clear-groups', `${folder(name)}/bin/peerd`, '--policy', 'policy.yaml'],
  { cwd: folder(name), stdio: 'ignore' });
}

const operator = (name, command) => execFileSync(`${process.env.LIVE_BIN}/peerctl`,
  [command, '--policy', `${folder(name)}/policy.yaml`], { stdio: 'ignore' });

// ---- when the verdict came ----

function follow(url, is) {
  return (async () => {
    const answer = await fetch(`${url}/v1/page/events`, { headers: { Accept: 'text/event-stream' } });
    let text = '';
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
      text += piece;
      for (const [, data] of text.matchAll(/^data: (.*)\n/gm))
        if (is(JSON.parse(data))) return Date.now();
    }
    return null;
  })();
}

const drawnAs = (page, cluster, verdict) => page.evaluate(([name, word]) => new Promise(done => {
  const look = () => {
    if (document.querySelector(`#map [data-cluster="${name}"]`)?.dataset.verdict === word) done(Date.now());
    else requestAnimationFrame(look);
  };
  look();
}), [cluster, verdict]);

const shows = (page, cluster, verdict, ms) => page.waitForFunction(([name, word]) =>
  document.querySelector(`#map [data-cluster="${name}"]`)?.dataset.verdict === word,
[cluster, verdict], { timeout: ms }).then(() => true, () => false);

// ---- what happens ----

for (let i = 0; i < LOADS; i++) await firstPaint();
report.paint_ms.sort((a, b) => a - b);
check(report.paint_ms[LOADS >> 1] < PAINT_MS_MAX, `first paint after ${report.paint_ms.join(', ')} ms, the middle one counts; each in a fresh browser context`);
const pages = {};
for (const [name, options] of looks) pages[name] = await open(FRA1, options);
await everyLook(pages, 'calm');

const dies = event => event.kind === 'verdict' && event.cluster === 'lon1' && event.what === 'crashed';
const told = follow(FRA1, dies), drawn = drawnAs(pages.light, 'lon1', 'crashed');
await new Promise(done => setTimeout(done, 500));
killSite('lon1');
report.follows_ms = await drawn - await told;
check(Math.abs(report.follows_ms) < FOLLOWS_MS_MAX, `lon1 dies: drawn ${report.follows_ms} ms after the verdict was told`);
const listed = await pages.light.locator('#events li', { hasText: 'lon1 is crashed' }).first().innerText();
check(/no beat for/.test(listed), `with its evidence: ${listed.replace(/\s+/g, ' ')}`);
await pages.light.waitForSelector('#moves tbody tr:has-text("crashed")', { timeout: 10_000 });
await pages.light.waitForTimeout(2500);
const moved = await pages.light.locator('#moves tbody tr', { hasText: 'crashed' }).count();
check(moved > 0, `${moved} moves away from lon1 are listed, with their evidence`);
const shown = await picture(pages.light, 'readme', { clip: { x: 0, y: 0, width: 1280, height: 900 } });
report.picture_bytes = readFileSync(shown).length;
check(report.picture_bytes < PICTURE_BYTES_MAX, `the README's picture has ${report.picture_bytes} bytes`);
await everyLook(pages, 'crashed');

operator('ams1', 'drain');
check(await shows(pages.light, 'ams1', 'draining', 5000), 'ams1 drains');
await picture(pages.light, 'light-draining', { fullPage: true });
operator('ams1', 'undrain');

process.kill(pidOf('fra1', 'peerd'), 'SIGKILL');
await pages.light.waitForSelector('#lost:not([hidden])', { timeout: 10_000 });
const links = await pages.light.locator('#lost a').count();
check(links >= 3, `peerd of fra1 is dead: its page says so and names ${links} others`);
await audit(pages.light, 'light, lost');
await picture(pages.light, 'light-lost', {});
const other = await open(AMS1, {});
check(await shows(other, 'fra1', 'headless', 3000), 'ams1 has a page of its own, which shows fra1 headless');
await audit(other, 'light, elsewhere');
startPeerd('fra1', 'fra1');
await pages.light.waitForSelector('#lost', { state: 'hidden', timeout: 10_000 });
check(true, 'peerd of fra1 is started again: its page goes on');

await browser.close();
writeFileSync(`${out}/report.json`, JSON.stringify(report));
console.log(JSON.stringify(report));
process.exit(failed ? 1 : 0);

// The three sites of `players`: what runs there, and what becomes of them. Each is a network namespace,
// made by the script, whose holder's process id lies in its folder.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';

const dir = process.env.PLAYERS_DIR, bin = process.env.BIN;
export const names = ['fra1', 'ams1', 'lon1'];
const address = name => `10.9.0.${names.indexOf(name) + 1}`;
export const door = name => `https://${name}.test`;
export const mediaHost = name => `media.${name}.test`;
export const sleep = ms => new Promise(done => setTimeout(done, ms));

const policy = (name, live, made) => `
cluster: {name: ${name}, provider: p-${name}, region: r-${name}, key_file: cluster.key}
beats: {bind: "${address(name)}:7600"}
peer_listen: {bind: "${address(name)}:7601"}
client_listen: {bind: "${address(name)}:443", advertise: "${name}.test:443", tls_cert: ../${name}.pem, tls_key: ../${name}.tls.key}
origins:
  - {name: film, url: "https://${mediaHost(name)}:8443/film/master.m3u8", mpd: manifest.mpd, live: ${live}, check_every: 500ms, answer_within: 500ms}
peers:
${names.filter(other => other !== name).map(other => `  - {name: ${other}, key_file: ../${other}/cluster.pub,
     beats: "${address(other)}:7600", control: "${address(other)}:7601"}`).join('\n')}
${made ? `nodes: [{name: n1, key_file: n1.pub}]
sources: [{name: film, location: ${dir}/film.mp4, class: exact}]
renditions:
  - {name: 180p, codec: h264, bitrate: 500kbit/s, height: 180}
  - {name: 90p, codec: h264, bitrate: 200kbit/s, height: 90}
  - {name: aac, codec: aac, bitrate: 64kbit/s}
` : ''}`;

const nginx = name => `
daemon off;
master_process off;
pid ${dir}/${name}/nginx.pid;
error_log ${dir}/${name}/nginx-error.log;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path ${dir}/${name}/a; proxy_temp_path ${dir}/${name}/b;
    fastcgi_temp_path ${dir}/${name}/c; uwsgi_temp_path ${dir}/${name}/d; scgi_temp_path ${dir}/${name}/e;
    types { application/vnd.apple.mpegurl m3u8; application/dash+xml mpd; video/mp4 m4s mp4; }
    server {
        listen ${address(name)}:8443 ssl;
        ssl_certificate ${dir}/${name}.pem;
        ssl_certificate_key ${dir}/${name}.tls.key;
        root ${dir}/www;
        add_header Access-Control-Allow-Origin *;
    }
}
`;

class Site {
  constructor(name) {
    this.name = name;
    this.folder = `${dir}/${name}`;
    this.holder = Number(readFileSync(`${this.folder}/holder`, 'utf8'));
    this.net = `/proc/${this.holder}/ns/net`;
  }

  spawn(program, words) {
    const log = openSync(`${this.folder}/${program.split('/').pop()}.log`, 'a');
    spawn('nsenter', [`--net=${this.net}`, program, ...words], { cwd: this.folder, stdio: ['ignore', log, log] });
  }

  startMedia(made) {
    if (!made) {
      writeFileSync(`${this.folder}/nginx.conf`, nginx(this.name));
      this.spawn('nginx', ['-c', `${this.folder}/nginx.conf`, '-e', `${this.folder}/nginx-error.log`]);
      return;
    }
    this.spawn(`${bin}/transcoderd`, ['--peerd', `${address(this.name)}:7601`,
      '--peerd-key', readFileSync(`${this.folder}/cluster.pub`, 'utf8').trim(), '--key', 'n1.key', '--name', 'n1',
      '--media', `${address(this.name)}:7700`, '--workers', '1', '--hls', `${address(this.name)}:8443`,
      '--hls-cert', `../${this.name}.pem`, '--hls-key', `../${this.name}.tls.key`]);
  }

  start(live, made) {
    mkdirSync(this.folder, { recursive: true });
    writeFileSync(`${this.folder}/policy.yaml`, policy(this.name, live, made));
    this.spawn(`${bin}/peerd`, ['--policy', 'policy.yaml']);
    this.startMedia(made);
  }

  // Everybody in its namespace but the holder.
  processes() {
    const own = readlinkSync(this.net);
    return readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && Number(pid) !== this.holder).filter(pid => {
      try { return readlinkSync(`/proc/${pid}/ns/net`) === own; } catch { return false; }
    }).map(Number);
  }

  signal(word, pids = this.processes()) {
    for (const pid of pids) try { process.kill(pid, word); } catch { /* it has ended */ }
  }

  of(program) {
    return this.processes().filter(pid => {
      try { return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith(program); } catch { return false; }
    });
  }

  kill() { this.signal('SIGKILL'); }
  killMedia(made) { this.signal('SIGKILL', this.of(made ? 'transcoder' : 'nginx')); }
  freeze() { this.signal('SIGSTOP'); }

  // Packets vanish, both ways; nobody is told by ICMP or a reset.
  cut() {
    execFileSync('nsenter', [`--net=${this.net}`, 'nft', 'add table inet cut; add chain inet cut in ' +
      '{ type filter hook input priority 0; policy drop; }; add chain inet cut out ' +
      '{ type filter hook output priority 0; policy drop; }']);
  }

  operator(command) {
    execFileSync(`${bin}/peerctl`, [command, '--policy', 'policy.yaml'], { cwd: this.folder, stdio: 'ignore' });
  }

  async stop() {
    try { execFileSync('nsenter', [`--net=${this.net}`, 'nft', 'flush ruleset']); } catch { /* there was none */ }
    while (this.processes().length > 0) {
      this.signal('SIGKILL');
      await sleep(50);
    }
  }
}

export const sites = Object.fromEntries(names.map(name => [name, new Site(name)]));

async function listsThree(name) {
  try {
    const answer = await fetch(`${door(name)}/v1/steer/film`);
    const master = await fetch(`${door(name)}/v1/hls/film/master.m3u8`);
    return master.status === 200 && (await answer.json())['PATHWAY-PRIORITY'].length === names.length;
  } catch { return false; }
}

// Until each names all three, and finds none of them ill.
export async function begin(live, made) {
  for (const site of Object.values(sites)) await site.stop();
  for (const site of Object.values(sites)) site.start(live, made);
  for (let tries = 0; tries < 300; tries++) {
    if ((await Promise.all(names.map(listsThree))).every(Boolean)) {
      await sleep(2000); // beats have told everybody that each origin is well
      return;
    }
    await sleep(100);
  }
  throw new Error('the sites do not come up: ' + names.map(name => execFileSync('tail',
    ['-n', '4', `${dir}/${name}/peerd.log`], { encoding: 'utf8' })).join('\n'));
}

// What peerd says: all of it every POLL_MS, and at once when something has happened; events as they
// happen. A page that nobody looks at holds no connection. One that is cut off says so, and tries on.

const POLL_MS = 2000, AT_ONCE_MS = 40, GIVE_UP_MS = 4000, AGAIN_MS = 1000, EVENTS_FIRST = 80;

const KINDS = ['verdict', 'move', 'drain', 'policy', 'refusal', 'redirect', 'load', 'origin', 'location'];

async function json(path) {
  const answer = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(GIVE_UP_MS) });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

// `on` has snapshot(all), policy(policy), events(list, fresh), missed(count), connected(bool, since).
export function follow(on) {
  let timer = 0, stream = null, last = '', asking = false, again = false, streamTimer = 0;
  let policyWanted = true;

  async function ask() {
    clearTimeout(timer);
    if (asking) { again = true; return; }
    asking = true;
    try {
      on.snapshot(await json('/v1/page'));
      on.answered(true);
      if (policyWanted) {
        on.policy(await json('/v1/page/policy'));
        policyWanted = false;
      }
    } catch (error) {
      on.answered(false, error);
    }
    asking = false;
    timer = setTimeout(ask, again ? AT_ONCE_MS : POLL_MS);
    again = false;
    if (document.hidden) clearTimeout(timer);
  }

  function soon() {
    if (asking) { again = true; return; }
    clearTimeout(timer);
    timer = setTimeout(ask, AT_ONCE_MS);
  }

  function heard(message) {
    const event = JSON.parse(message.data);
    last = event.id;
    policyWanted ||= event.kind === 'policy';
    on.events([event], true);
    soon();
  }

  function listen() {
    clearTimeout(streamTimer);
    stream?.close();
    stream = new EventSource(`/v1/page/events${last ? `?since=${encodeURIComponent(last)}` : ''}`);
    for (const kind of KINDS) stream.addEventListener(kind, heard);
    stream.addEventListener('missed', message => on.missed(JSON.parse(message.data).missed));
    stream.onopen = () => { on.streaming(true); soon(); };
    stream.onerror = () => {
      on.streaming(false);
      stream.close();
      soon();
      streamTimer = setTimeout(listen, AGAIN_MS);
    };
  }

  async function begin() {
    ask();
    try {
      const first = await json(`/v1/page/events?last=${EVENTS_FIRST}`);
      if (first.events.length) last = first.events.at(-1).id;
      on.events(first.events, false);
    } catch {
      // The stream says the same, or that nobody answers.
    }
    if (!document.hidden) listen();
  }

  document.addEventListener('visibilitychange', () => {
    clearTimeout(timer);
    clearTimeout(streamTimer);
    if (document.hidden) {
      stream?.close();
    } else {
      ask();
      listen();
    }
  });
  begin();
}

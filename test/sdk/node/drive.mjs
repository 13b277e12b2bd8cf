// Owns the cases that every SDK for Node goes through, and the one JSON line of each. Knows no SDK.

export const PLACE = {
  url: process.env.CAISSON_URL,
  key: process.env.CAISSON_KEY,
};
/** How long a client that has heard nothing waits before it leaves. */
const PATIENCE_MS = 500;
const DEGREES = { Oslo: 3, Lima: 22 };
const MODES = ['whole', 'streamed'];

export const WEATHER = {
  name: 'weather',
  description: 'Degrees in a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
};

/**
 * `ask` sends the prompt, runs `call` for each call of the tool until the model answers in words, and gives back that answer; it tells
 * `heard` of each piece of text. It rejects as its SDK does.
 */
export async function drive(name, ask) {
  const cases = MODES.flatMap((mode) => [silence(name, mode, ask)]);
  for (const mode of MODES) {
    for (const scene of ['two-calls', 'parallel', 'dies-in-text', 'dies-in-call'])
      await tell(name, mode, scene, (told) => conversation(ask, told));
    for (const scene of ['says-forever', 'mute']) await tell(name, mode, scene, (told) => leaving(ask, told));
  }
  await Promise.all(cases);
  process.exit(0);
}

function silence(name, mode, ask) {
  return tell(name, mode, 'silence', (told) => conversation(ask, told), process.env.CAISSON_QUIET_MODEL);
}

async function tell(name, mode, scene, play, model = process.env.CAISSON_MODEL) {
  const id = `${scene}#${name}/${mode}`;
  await engineIsUp(model);
  const seen = await play({ prompt: `scene:${id}`, model, streamed: mode === 'streamed' });
  process.stdout.write(`${JSON.stringify({ case: id, model, ...seen })}\n`);
}

/** After a death the next engine needs a moment; without it a case would show a refused connection. */
async function engineIsUp(model) {
  const { [model]: url } = JSON.parse(process.env.CAISSON_ENGINES);
  for (;;) {
    const ok = await fetch(`${url}/models`).then(
      (answer) => answer.arrayBuffer().then(() => true),
      () => false,
    );
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function conversation(ask, { prompt, model, streamed }) {
  const calls = [];
  const call = ({ city }) => {
    calls.push(city);
    return `${city}: ${DEGREES[city]}`;
  };
  const signal = new AbortController().signal;
  try {
    const text = await ask({ prompt, model, streamed, call, heard: () => {}, signal });
    return { seen: { ended: 'answered', calls, text } };
  } catch (error) {
    return { seen: { ended: 'raised', calls }, error: wordsOf(error) };
  }
}

/** Leaves with the first piece of text, or when nothing comes. */
async function leaving(ask, { prompt, model, streamed }) {
  const control = new AbortController();
  let leftAt = 0;
  const leave = () => {
    leftAt ||= Date.now();
    control.abort();
  };
  setTimeout(leave, PATIENCE_MS);
  const call = () => '';
  const ended = await ask({ prompt, model, streamed, call, heard: leave, signal: control.signal }).then(
    (text) => ({ ended: 'answered', text }),
    () => ({ ended: 'raised' }),
  );
  // Some SDKs end a stream that was left without a word; what counts is what the engine notices.
  return { leftAt, seen: { left: leftAt > 0 }, ended };
}

function wordsOf(error) {
  return `${error?.name ?? 'Error'}: ${error?.message ?? String(error)}`.slice(0, 300);
}

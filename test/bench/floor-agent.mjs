// Owns the least an agent can be: ask, run the command in a firejail of its own, append. What ours is measured against.
import { spawn } from 'node:child_process';

const [url, repo, firejail] = process.argv.slice(2);
const tools = [
  {
    type: 'function',
    function: { name: 'bash', parameters: { type: 'object', properties: { command: { type: 'string' } } } },
  },
];
const messages = [
  { role: 'system', content: 'You are an agent.' },
  { role: 'user', content: 'work' },
];

function run(command) {
  return new Promise((resolve) => {
    const argv = [...JSON.parse(firejail), 'bash', '-c', command];
    const child = spawn(argv[0], argv.slice(1), { cwd: repo, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let text = '';
    const take = (chunk) => (text += text.length < 50_000 ? chunk : '');
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('close', (code) => resolve(`exit ${code}\n${text.slice(0, 8000)}`));
  });
}

async function ask() {
  const body = JSON.stringify({ model: 'bench', stream: true, messages, tools });
  const answer = await fetch(`${url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const chunks = (await answer.text()).split('\n\n').filter((line) => line.startsWith('data: {'));
  for (const chunk of chunks) {
    const call = JSON.parse(chunk.slice(6)).choices[0]?.delta?.tool_calls?.[0];
    if (call !== undefined) return call;
  }
  return undefined;
}

for (;;) {
  const call = await ask();
  messages.push({ role: 'assistant', content: '', tool_calls: [call] });
  if (call === undefined || call.function.name === 'finish') break;
  messages.push({
    role: 'tool',
    tool_call_id: call.id,
    content: await run(JSON.parse(call.function.arguments).command),
  });
}

// Shows that prompts are what Python's Jinja2 makes of the same conversation, byte for byte, and that bad templates are refused.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ChatRequest } from '../../../src/contracts/messages.ts';
import { createPromptFormat } from '../../../src/prompting/create.ts';
import { runTemplate } from '../../../src/prompting/jinja/execute.ts';
import { parseTemplate } from '../../../src/prompting/jinja/statements.ts';
import { TemplateSyntaxError } from '../../../src/prompting/jinja/tree.ts';
import { readJson } from '../../../src/prompting/python/json.ts';
import { textOf } from '../../../src/prompting/python/text.ts';
import { PyDict, PyError, type PyValue } from '../../../src/prompting/python/values.ts';
import { profileOf } from './reading.ts';

const ROOT = join(import.meta.dirname, '../../..');
const FIXTURES = join(ROOT, 'test/fixtures/prompting');
const CACHE = join(ROOT, 'node_modules/.cache/jinja2');
const NOW = () => new Date(2026, 0, 5, 9, 7, 3);

type Golden =
  | { readonly text: string }
  | { readonly error: 'syntax'; readonly line: number }
  | { readonly error: string; readonly message?: string };

const goldens = JSON.parse(fixture('goldens.json')) as {
  readonly templates: Readonly<Record<string, Readonly<Record<string, Golden>>>>;
  readonly expressions: Readonly<Record<string, Golden>>;
};
const requests = JSON.parse(fixture('requests.json')) as readonly {
  readonly name: string;
  readonly request: ChatRequest;
}[];

for (const [name, conversations] of Object.entries(goldens.templates))
  test(`every conversation is rendered by ${name} as Jinja2 renders it`, () => {
    const format = formatOf(fixture(`templates/${name}`));
    assert.ok(requests.length >= 60);
    assert.deepEqual(
      Object.keys(conversations),
      requests.map((entry) => entry.name),
    );
    for (const entry of requests) {
      const rendered = format.render(entry.request);
      const golden = conversations[entry.name];
      if (golden !== undefined && 'text' in golden) {
        const { text } = golden;
        const opensThinking = text.trimEnd().endsWith('<think>');
        assert.deepEqual(rendered, { type: 'prompt', text, opensThinking }, entry.name);
      } else {
        assert.equal(rendered.type, 'refused', entry.name);
        const message = golden !== undefined && 'message' in golden ? (golden.message ?? '') : '';
        assert.ok(rendered.type === 'refused' && rendered.message.includes(message), entry.name);
      }
    }
  });

test('every small template gives what Jinja2 gives, or the same refusal', () => {
  const values = readJson(fixture('values.json'));
  assert.ok(values instanceof PyDict);
  const variables = new Map([...values.entries()].map(([key, value]) => [textOf(key), value] as const));
  assert.ok(Object.keys(goldens.expressions).length > 200);
  for (const [source, golden] of Object.entries(goldens.expressions)) {
    const made = madeOf(source, variables);
    const expected = 'message' in golden || 'text' in golden || 'line' in golden ? golden : { error: golden.error };
    assert.deepEqual('message' in golden || !('message' in made) ? made : { error: made.error }, expected, source);
  }
});

function madeOf(source: string, variables: ReadonlyMap<string, PyValue>): Golden {
  try {
    return { text: runTemplate(parseTemplate(source), variables, NOW) };
  } catch (error) {
    if (error instanceof TemplateSyntaxError) return { error: 'syntax', line: error.line };
    assert.ok(error instanceof PyError, `${source}: ${String(error)}`);
    return { error: error.kind, message: error.message };
  }
}

test('the goldens are what Jinja2 makes of the inputs today', (context) => {
  const python = pythonWithJinja();
  if (python === undefined) {
    assert.notEqual(process.env['CI'], 'true', 'continuous integration needs python3 with Jinja2');
    context.skip('no python3 with Jinja2');
    return;
  }
  const run = spawnSync('python3', [join(FIXTURES, 'generate.py'), '--check'], { env: python, encoding: 'utf8' });
  assert.deepEqual({ status: run.status, stderr: run.stderr }, { status: 0, stderr: '' });
});

/** The environment in which python3 finds the Jinja2 of the requirements; it is installed beside the modules if it is not there. */
function pythonWithJinja(): NodeJS.ProcessEnv | undefined {
  const environment = { ...process.env, PYTHONPATH: CACHE };
  const probe = ['-c', "import jinja2; assert jinja2.__version__ == '3.1.6'"];
  if (spawnSync('python3', probe, { env: environment }).status === 0) return environment;
  try {
    const install = ['-m', 'pip', 'install', '--quiet', '--target', CACHE, '-r', join(FIXTURES, 'requirements.txt')];
    execFileSync('python3', install, { stdio: 'ignore', timeout: 60_000 });
  } catch {
    return undefined;
  }
  return spawnSync('python3', probe, { env: environment }).status === 0 ? environment : undefined;
}

test('a template that does not parse is refused with its line', () => {
  assert.throws(
    () => formatOf('one\n{% if x %}\nthree', 'model/chat_template.jinja'),
    (error: unknown) => {
      const { code, message, place } = error as { code: string; message: string; place: object };
      assert.deepEqual(
        { code, message, place },
        {
          code: 'config_invalid',
          message: 'the chat template does not parse: the template ends before {% elif %} or {% else %} or {% endif %}',
          place: { line: 3, file: 'model/chat_template.jinja' },
        },
      );
      return true;
    },
  );
});

const REFUSALS: readonly (readonly [what: string, template: string, message: RegExp])[] = [
  [
    'raises',
    "{{ '\\n' }}\n{{ raise_exception('No tools here.') }}",
    /refuses this conversation: No tools here\. \(line 2/,
  ],
  ['asks for what is not there', '{{ messages[0].tool.name }}', /'dict object' has no attribute 'tool'/],
  ['names an unknown filter', "{{ 'x' | nofilter }}", /No filter named 'nofilter'/],
  ['names an unknown test', "{{ 'x' is odder }}", /No test named 'odder'/],
  ['goes on for ever', '{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}', /more than 150 deep/],
  [
    'takes too many steps',
    '{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}',
    /more than \d+ steps/,
  ],
  ['makes too much text', "{{ 'x' * 999999999 }}", /a text of more than/],
  [
    'doubles a text without end',
    "{% set n = namespace(t='xxxxxxxx') %}{% for a in range(99) %}{% set n.t = n.t ~ n.t %}{% endfor %}",
    /a text of more than/,
  ],
  ['makes too long a range', '{% for a in range(10000000) %}{% endfor %}', /Range too big/],
  ['reaches into Python', "{{ ''.__class__ }}{{ ''.__class__.__mro__ }}", /is unsafe/],
];

for (const [what, template, message] of REFUSALS)
  test(`a template that ${what} refuses the conversation in words`, () => {
    const rendered = formatOf(template).render({ model: 'm', messages: [{ role: 'user', content: 'x' }] });
    assert.equal(rendered.type, 'refused');
    assert.match(rendered.type === 'refused' ? rendered.message : '', message);
  });

function formatOf(template: string, file?: string) {
  return createPromptFormat({
    template,
    specialTokens: { bos: '<s>', eos: '<|im_end|>' },
    profile: profileOf('xml'),
    now: NOW,
    ...(file === undefined ? {} : { file }),
  });
}

function fixture(name: string): string {
  return readFileSync(join(FIXTURES, name), 'utf8');
}

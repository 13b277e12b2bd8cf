// Owns how each client is set up and started, and which tools its model calls. Knows no scene and no verdict.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Place {
  /** Of the service, without a path. */
  readonly url: string;
  readonly key: string;
  readonly model: string;
  /** The home of the client, where its settings lie. */
  readonly home: string;
  /** The folder of the packages. */
  readonly packages: string;
}

export interface Start {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Client {
  readonly name: string;
  /** Requests beside those of the task, such as one for a title. */
  readonly besides: number;
  /** A call that runs a command of the shell, and the name of the argument that holds it. */
  readonly shell: { readonly tool: string; readonly argument: string; readonly more?: object };
  /** A call that writes a file. */
  write(path: string, content: string): { readonly name: string; readonly arguments: object };
  start(place: Place, prompt: string): Start;
}

const WINDOW = 131_072;

export const CLIENTS: readonly Client[] = [
  {
    name: 'codex',
    besides: 0,
    shell: { tool: 'exec_command', argument: 'cmd' },
    write: (path, content) => ({ name: 'exec_command', arguments: { cmd: `printf %s '${content}' > ${path}` } }),
    start: ({ url, key, model, home, packages }, prompt) => {
      const lines = [
        `model = "${model}"`,
        'model_provider = "caisson"',
        'check_for_update_on_startup = false',
        'web_search = "disabled"',
        '[model_providers.caisson]',
        'name = "Caisson"',
        `base_url = "${url}/v1"`,
        'env_key = "CAISSON_KEY"',
        'wire_api = "responses"',
        '[analytics]',
        'enabled = false',
        '[features]',
        'apps = false',
        'plugins = false',
        'remote_plugin = false',
      ];
      put(join(home, '.codex', 'config.toml'), lines.join('\n'));
      const words = ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', prompt];
      return { argv: [binOf(packages, 'codex'), ...words], env: { CAISSON_KEY: key } };
    },
  },
  {
    name: 'claude-code',
    besides: 0,
    shell: { tool: 'Bash', argument: 'command', more: { description: 'a step' } },
    write: (path, content) => ({ name: 'Write', arguments: { file_path: path, content } }),
    start: ({ url, key, model, packages }, prompt) => ({
      argv: [
        join(packages, 'node_modules', '@anthropic-ai', `claude-code-${platform()}`, 'claude'),
        '-p',
        '--dangerously-skip-permissions',
        prompt,
      ],
      env: {
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_AUTH_TOKEN: key,
        ANTHROPIC_MODEL: model,
        ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
        ANTHROPIC_DEFAULT_SONNET_MODEL: model,
        ANTHROPIC_DEFAULT_OPUS_MODEL: model,
        CLAUDE_CODE_SUBAGENT_MODEL: model,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        DISABLE_TELEMETRY: '1',
        DISABLE_ERROR_REPORTING: '1',
        DISABLE_AUTOUPDATER: '1',
        CLAUDE_CODE_MAX_CONTEXT_TOKENS: String(WINDOW),
        IS_SANDBOX: '1',
      },
    }),
  },
  {
    name: 'opencode',
    besides: 1,
    shell: { tool: 'bash', argument: 'command', more: { description: 'a step' } },
    write: (path, content) => ({ name: 'write', arguments: { filePath: path, content } }),
    start: ({ url, key, model, home, packages }, prompt) => {
      const options = { baseURL: `${url}/v1`, apiKey: '{env:CAISSON_KEY}' };
      const models = { [model]: { name: model, limit: { context: WINDOW, output: 16_384 } } };
      const caisson = { npm: '@ai-sdk/openai-compatible', name: 'Caisson', options, models };
      const settings = { model: `caisson/${model}`, provider: { caisson } };
      put(join(home, '.config', 'opencode', 'opencode.json'), JSON.stringify(settings));
      const switches = ['AUTOUPDATE', 'MODELS_FETCH', 'LSP_DOWNLOAD', 'SHARE', 'DEFAULT_PLUGINS'];
      const env = Object.fromEntries(switches.map((name) => [`OPENCODE_DISABLE_${name}`, '1']));
      const program = join(packages, 'node_modules', `opencode-${platform()}`, 'bin', 'opencode');
      return { argv: [program, 'run', prompt], env: { CAISSON_KEY: key, ...env } };
    },
  },
  {
    name: 'qwen-code',
    besides: 0,
    shell: { tool: 'run_shell_command', argument: 'command', more: { is_background: false } },
    write: (path, content) => ({ name: 'write_file', arguments: { file_path: path, content } }),
    start: ({ url, key, model, home, packages }, prompt) => {
      const settings = {
        privacy: { usageStatisticsEnabled: false },
        telemetry: { enabled: false },
        general: { enableAutoUpdate: false, disableUpdateNag: true },
      };
      put(join(home, '.qwen', 'settings.json'), JSON.stringify(settings));
      return {
        argv: [binOf(packages, 'qwen'), '--auth-type', 'openai', '--yolo', '-p', prompt],
        env: { OPENAI_API_KEY: key, OPENAI_BASE_URL: `${url}/v1`, OPENAI_MODEL: model },
      };
    },
  },
  {
    name: 'pi',
    besides: 0,
    shell: { tool: 'bash', argument: 'command' },
    write: (path, content) => ({ name: 'write', arguments: { path, content } }),
    start: ({ url, key, model, home, packages }, prompt) => {
      const models = [{ id: model, contextWindow: WINDOW, maxTokens: 16_384 }];
      const caisson = { baseUrl: `${url}/v1`, api: 'openai-completions', apiKey: 'CAISSON_KEY', models };
      put(join(home, '.pi', 'agent', 'models.json'), JSON.stringify({ providers: { caisson } }));
      return {
        argv: [binOf(packages, 'pi'), '-p', '--provider', 'caisson', '--model', model, prompt],
        env: { CAISSON_KEY: key, PI_OFFLINE: '1' },
      };
    },
  },
];

function put(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function binOf(packages: string, name: string): string {
  return join(packages, 'node_modules', '.bin', name);
}

/** As the packages of native programs are named. */
function platform(): string {
  return `${process.platform}-${process.arch}`;
}

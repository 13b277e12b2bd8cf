// Owns how each client is started with what README.md prints for it, and which tools its model calls. Knows no scene and no verdict.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filledIn, readSetups, type Setup } from './setup.ts';

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
  /** All of it. */
  readonly env: Readonly<Record<string, string>>;
}

export interface Client {
  readonly name: string;
  /** As README.md calls it. */
  readonly title: string;
  /** Its program below the packages, and the name it is started by. */
  readonly program: string;
  readonly command: string;
  /** What a person would type behind the command, or behind the last line of words for the shell. */
  words(prompt: string, model: string): readonly string[];
  /** Requests beside those of the task, such as one for a title. */
  readonly besides: number;
  /** A call that runs a command of the shell, and the name of the argument that holds it. */
  readonly shell: { readonly tool: string; readonly argument: string; readonly more?: object };
  /** A call that writes a file. */
  write(path: string, content: string): { readonly name: string; readonly arguments: object };
  /** Beside what README.md says. */
  readonly env?: Readonly<Record<string, string>>;
  /** Lays further files into the home, and gives what then stands before the settings. */
  readonly further?: (home: string, model: string) => string;
}

/** As the packages of native programs are named. */
const PLATFORM = `${process.platform}-${process.arch}`;

export const CLIENTS: readonly Client[] = [
  {
    name: 'codex',
    title: 'Codex',
    program: '.bin/codex',
    command: 'codex',
    words: (prompt) => ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', prompt],
    besides: 0,
    shell: { tool: 'exec_command', argument: 'cmd' },
    write: (path, content) => ({ name: 'exec_command', arguments: { cmd: `printf %s '${content}' > ${path}` } }),
  },
  {
    name: 'patching-codex',
    title: 'Codex',
    program: '.bin/codex',
    command: 'codex',
    words: (prompt) => ['exec', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox', prompt],
    besides: 0,
    shell: { tool: 'exec_command', argument: 'cmd' },
    write: (path, content) => ({
      name: 'apply_patch',
      arguments: { input: `*** Begin Patch\n*** Add File: ${path}\n+${content}\n*** End Patch\n` },
    }),
    further: (home, model) => {
      const catalog = join(home, 'catalog.json');
      writeFileSync(catalog, JSON.stringify({ models: [patchingModel(model)] }));
      return `model_catalog_json = "${catalog}"\n`;
    },
  },
  {
    name: 'claude-code',
    title: 'Claude Code',
    program: `@anthropic-ai/claude-code-${PLATFORM}/claude`,
    command: 'claude',
    words: (prompt) => ['-p', '--dangerously-skip-permissions', prompt],
    besides: 0,
    shell: { tool: 'Bash', argument: 'command', more: { description: 'a step' } },
    write: (path, content) => ({ name: 'Write', arguments: { file_path: path, content } }),
    // As root it asks for this.
    env: { IS_SANDBOX: '1' },
  },
  {
    name: 'opencode',
    title: 'opencode',
    program: `opencode-${PLATFORM}/bin/opencode`,
    command: 'opencode',
    words: (prompt) => ['run', prompt],
    besides: 1,
    shell: { tool: 'bash', argument: 'command', more: { description: 'a step' } },
    write: (path, content) => ({ name: 'write', arguments: { filePath: path, content } }),
  },
  {
    name: 'qwen-code',
    title: 'Qwen Code',
    program: '.bin/qwen',
    command: 'qwen',
    words: (prompt) => ['--yolo', '-p', prompt],
    besides: 0,
    shell: { tool: 'run_shell_command', argument: 'command', more: { is_background: false } },
    write: (path, content) => ({ name: 'write_file', arguments: { file_path: path, content } }),
  },
  {
    name: 'pi',
    title: 'pi',
    program: '.bin/pi',
    command: 'pi',
    words: (prompt, model) => ['--provider', 'caisson', '--model', model, '-p', prompt],
    besides: 0,
    shell: { tool: 'bash', argument: 'command' },
    write: (path, content) => ({ name: 'write', arguments: { path, content } }),
  },
];

/** With such an entry Codex offers its freeform tool for patches, whose input is no JSON. */
function patchingModel(slug: string): object {
  return {
    slug,
    display_name: slug,
    description: 'A model of this house.',
    default_reasoning_level: null,
    supported_reasoning_levels: [],
    shell_type: 'default',
    visibility: 'list',
    supported_in_api: true,
    priority: 1,
    upgrade: null,
    base_instructions: 'You are a coding agent.',
    supports_reasoning_summaries: false,
    support_verbosity: false,
    default_verbosity: null,
    apply_patch_tool_type: 'freeform',
    truncation_policy: { mode: 'tokens', limit: 10_000 },
    supports_parallel_tool_calls: true,
    context_window: 131_072,
    experimental_supported_tools: [],
    input_modalities: ['text'],
  };
}

/** Lays the settings into the home of the client. Throws where README.md does not set it up. */
export function prepare(client: Client, place: Place, prompt: string): Start {
  const setup = readSetups().find(({ client: title }) => title === client.title);
  if (setup === undefined) throw new Error(`README.md says nothing of ${client.title}`);
  const { home, packages, key, model } = place;
  const programs = join(home, 'programs');
  mkdirSync(programs, { recursive: true });
  symlinkSync(join(packages, 'node_modules', client.program), join(programs, client.command));
  const path = [programs, dirname(process.execPath), process.env['PATH']].join(':');
  const env = { ...client.env, PATH: path, HOME: home, TERM: 'dumb', CAISSON_KEY: key };
  return { argv: [...starter(client, setup, place), ...client.words(prompt, model)], env };
}

/** Words for the shell end with the command, and take further words; settings are a file beside it. */
function starter({ command, further }: Client, setup: Setup, { url, model, home }: Place): readonly string[] {
  const text = filledIn(setup, url, model);
  if (setup.file === undefined) return ['sh', '-c', `${text} "$@"`, 'sh'];
  const file = join(home, setup.file);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${further?.(home, model) ?? ''}${text}`);
  return [command];
}

// Owns the joining of a template, a tokenizer and a profile to one format. Knows no file and no engine.
import type { ChatRequest } from '../contracts/messages.ts';
import type { ModelProfile } from '../contracts/model-profile.ts';
import { CaissonError } from '../base/errors.ts';
import { type SpecialTokens, variablesOf } from './conversation.ts';
import type { PromptFormat, Rendered } from './format.ts';
import type { CountLong } from './long-texts.ts';
import { guardAgainst } from './guard.ts';
import { runTemplate } from './jinja/execute.ts';
import { parseTemplate } from './jinja/statements.ts';
import { type Body, TemplateSyntaxError } from './jinja/tree.ts';
import { outputReader } from './output/reader.ts';
import { PyError } from './python/values.ts';
import type { TextTokenizer } from './tokenizer.ts';

export interface Template {
  readonly template: string;
  /** For errors. */
  readonly file?: string;
}

/** `template`: the one of every request. */
export interface FormatParts extends Template {
  /** The one for requests that offer tools; absent: the same. */
  readonly toolUse?: Template;
  readonly specialTokens: SpecialTokens;
  readonly tokenizer?: TextTokenizer;
  /** For texts that are long; absent: they are counted like the others. */
  readonly countLong?: CountLong;
  readonly profile: ModelProfile;
  /** The time that templates may print. */
  readonly now?: () => Date;
}

/** Characters whose counting would hold everything else up. */
const LONG = 64 * 1024;
const ELEMENTS = ['tool_call', 'tool_response', 'tools', 'TOOLCALL', 'TOOL_RESPONSE', 'AVAILABLE_TOOLS'];
const CALL_MARKS = ELEMENTS.flatMap((name) => [`<${name}>`, `</${name}>`]);
const SPECIAL = /<[|｜][^<>|｜\n]{1,60}[|｜]>|<SPECIAL_\d{1,4}>/g;

/** Throws `config_invalid` with the line if the template does not parse. */
export function createPromptFormat(parts: FormatParts): PromptFormat {
  const { profile, specialTokens, tokenizer, countLong } = parts;
  const body = parsed(parts);
  const withTools = parts.toolUse === undefined ? body : parsed(parts.toolUse);
  const guard = guardAgainst(marksOf(parts));
  const now = parts.now ?? (() => new Date());
  return {
    render: (request) => {
      const variables = variablesOf(request, { profile, specialTokens, guard });
      const chosen = variables.has('tools') ? withTools : body;
      return rendered(() => runTemplate(chosen, variables, now), profile);
    },
    countTokens: async (text) =>
      countLong === undefined || text.length < LONG ? tokenizer?.count(text) : countLong(text),
    stops: profile.output.stopTexts,
    remarks: tokenizer === undefined ? ['without a tokenizer.json no tokens are counted'] : [],
    read: (request: ChatRequest, opensThinking) => outputReader(request, { profile, guard }, opensThinking),
  };
}

function parsed({ template, file }: Template): Body {
  try {
    return parseTemplate(template);
  } catch (error) {
    if (!(error instanceof TemplateSyntaxError)) throw error;
    throw new CaissonError('config_invalid', `the chat template does not parse: ${error.message}`, {
      place: { line: error.line, ...(file === undefined ? {} : { file }) },
      hint: 'Take the chat template that belongs to the model, or correct the line that is named.',
    });
  }
}

/** Texts that become control tokens: those of the tokenizer, and those that the templates write. */
function marksOf({ toolUse, tokenizer, profile, ...main }: FormatParts): readonly string[] {
  const template = `${main.template}\n${toolUse?.template ?? ''}`;
  const { thinkingStart, thinkingEnd, stopTexts } = profile.output;
  const written = [...CALL_MARKS, thinkingStart, thinkingEnd, ...stopTexts, ...(template.match(SPECIAL) ?? [])];
  const known = written.filter((mark) => mark !== '' && template.includes(mark));
  return [...new Set([...known, ...stopTexts, ...(tokenizer?.specialTexts ?? [])])];
}

function rendered(render: () => string, { output }: ModelProfile): Rendered {
  try {
    const text = render();
    const opensThinking = output.thinkingStart !== '' && text.trimEnd().endsWith(output.thinkingStart);
    return { type: 'prompt', text, opensThinking };
  } catch (error) {
    if (error instanceof RangeError) return refusal('the chat template goes too deep', undefined);
    if (!(error instanceof PyError)) throw error;
    return refusal(error.message, error.line);
  }
}

function refusal(message: string, line: number | undefined): Rendered {
  const where = line === undefined ? '' : ` (line ${line} of the template)`;
  return { type: 'refused', message: `the chat template refuses this conversation: ${message}${where}` };
}

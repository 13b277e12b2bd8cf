// Owns one call as it is written out: its name, and its arguments as JSON in pieces. Knows no mark.
import type { ToolDefinition } from '../../contracts/messages.ts';
import type { ModelEvent, RepairKind } from '../../contracts/model-events.ts';
import type { Guard, Restorer } from '../guard.ts';
import { parameterTypes, type ParameterTypes } from './schema-types.ts';
import { convertValue } from './values.ts';

export type Emit = (event: ModelEvent) => void;

const TEXT: ParameterTypes = { types: new Set(['string']), texts: new Set() };

/** A call that was begun. It is told as it comes, and told to be complete only when the whole answer was read. */
export class CallWriter {
  readonly index: number;
  readonly name: string;
  /** Why it must never be run; undefined: nothing speaks against it. */
  refused: RepairKind | undefined;
  closed = false;
  readonly #tool: ToolDefinition | undefined;
  readonly #emit: Emit;
  readonly #guard: Guard;
  readonly #keys = new Set<string>();
  #value: ValueWriter | undefined;

  constructor(
    index: number,
    name: string,
    parts: { readonly tool: ToolDefinition | undefined; readonly emit: Emit; readonly guard: Guard },
  ) {
    this.index = index;
    this.name = name;
    this.#tool = parts.tool;
    this.#emit = parts.emit;
    this.#guard = parts.guard;
    this.#emit({ type: 'tool_call', index, name, complete: false });
    if (parts.tool === undefined) this.repair('unknown_tool', name);
  }

  repair(kind: RepairKind, about: string = this.name): void {
    this.#emit({ type: 'repair', kind, about });
  }

  refuse(kind: RepairKind, about?: string): void {
    if (this.refused === kind) return;
    this.refused ??= kind;
    this.repair(kind, about);
  }

  get hasParameters(): boolean {
    return this.#keys.size > 0;
  }

  /** Whether that parameter is the tool's and was not given yet. */
  mayTake(key: string): boolean {
    return !this.#keys.has(key) && this.#tool !== undefined && parameterTypes(this.#tool, key) !== undefined;
  }

  /** JSON text of the arguments as it stands. */
  write(text: string): void {
    if (text !== '') this.#emit({ type: 'tool_call', index: this.index, arguments: text, complete: false });
  }

  openValue(key: string): void {
    if (this.#keys.has(key)) this.refuse('duplicate_parameter', key);
    const types = this.#tool === undefined ? TEXT : parameterTypes(this.#tool, key);
    if (types === undefined) this.repair('unknown_parameter', key);
    this.write(`${this.hasParameters ? ',' : '{'}${JSON.stringify(key)}:`);
    this.#keys.add(key);
    this.#value = new ValueWriter(types ?? TEXT, this.#guard.restorer(), (text) => this.write(text));
  }

  append(text: string): void {
    this.#value?.append(text);
  }

  closeValue(): void {
    const repair = this.#value?.close();
    if (repair !== undefined) this.repair(repair, [...this.#keys].at(-1));
    this.#value = undefined;
  }

  /** The arguments of a call with marks end; `write` is used where they came as JSON. */
  closeArguments(): void {
    this.write(this.hasParameters ? '}' : '{}');
  }
}

/** One value: a text is told as it comes, everything else when it is whole. */
class ValueWriter {
  readonly #types: ParameterTypes;
  readonly #restorer: Restorer;
  readonly #write: (text: string) => void;
  readonly #parts: string[] = [];
  readonly #streams: boolean;
  #begun = false;
  /** The line end before the closing mark is no part of the value. */
  #lineEnd = '';

  constructor(types: ParameterTypes, restorer: Restorer, write: (text: string) => void) {
    this.#types = types;
    this.#restorer = restorer;
    this.#write = write;
    this.#streams = types.types.size === 1 && types.types.has('string');
    if (this.#streams) write('"');
  }

  append(text: string): void {
    const begins = !this.#begun && text.startsWith('\n');
    this.#begun ||= text !== '';
    const whole = this.#lineEnd + (begins ? text.slice(1) : text);
    this.#lineEnd = whole.endsWith('\n') ? '\n' : '';
    this.#take(this.#restorer.push(this.#lineEnd === '' ? whole : whole.slice(0, -1)));
  }

  #take(text: string): void {
    if (this.#streams) this.#write(inString(text));
    else this.#parts.push(text);
  }

  close(): RepairKind | undefined {
    this.#take(this.#restorer.end());
    if (this.#streams) {
      this.#write('"');
      return undefined;
    }
    const { json, repair } = convertValue(this.#parts.join(''), this.#types);
    this.#write(json);
    return repair;
  }
}

function inString(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

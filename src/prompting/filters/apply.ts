// Owns which filters there are, and the running of one by its name. Knows no statement.
import { attributeOf, memberNamed } from '../python/members.ts';
import { textOf } from '../python/text.ts';
import { type Keywords, PyError, PyIterator, type PyList, type PyValue, Undefined } from '../python/values.ts';
import { checkNamed } from './checks.ts';
import { bind } from '../jinja/scope.ts';
import { mapped, picked, SEQUENCE_FILTERS } from './sequence-filters.ts';
import { format, TEXT_FILTERS } from './text-filters.ts';

const PICKS: ReadonlyMap<string, { readonly byAttribute: boolean; readonly keeps: boolean }> = new Map([
  ['select', { byAttribute: false, keeps: true }],
  ['reject', { byAttribute: false, keeps: false }],
  ['selectattr', { byAttribute: true, keeps: true }],
  ['rejectattr', { byAttribute: true, keeps: false }],
]);

export function applyFilter(name: string, value: PyValue, positional: PyList, named: Keywords): PyValue {
  const plain = TEXT_FILTERS.get(name) ?? SEQUENCE_FILTERS.get(name);
  if (plain !== undefined) return plain[1](value, bind(name, plain[0], positional, named));
  const pick = PICKS.get(name);
  if (pick !== undefined)
    return new PyIterator(picked(value, positional, pick, (test, item, given) => checkNamed(test)(item, given)));
  if (name === 'map') return new PyIterator(mapped(value, positional, named, applyFilter));
  if (name === 'format') return format(value, positional, named);
  if (name === 'attr') return attribute(value, textOf(positional[0] ?? null));
  throw new PyError('TemplateRuntimeError', `No filter named '${name}'.`);
}

function attribute(value: PyValue, name: string): PyValue {
  if (memberNamed(value, name) === undefined) return new Undefined(`the value has no attribute '${name}'`);
  return attributeOf(value, name);
}

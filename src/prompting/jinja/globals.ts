// Owns the functions that every template finds, as transformers gives them. Knows no statement.
import { strftime } from '../python/strftime.ts';
import { textOf } from '../python/text.ts';
import { PyError, PyFunction, type PyList, PyRange, type PyValue } from '../python/values.ts';
import { makeCycler, makeDict, makeJoiner, makeNamespace } from './loop.ts';
import { Scope } from './scope.ts';

const LONGEST_RANGE = 100_000;

/** The outermost scope. `now`: the time that `strftime_now` shows. */
export function globalScope(now: () => Date): Scope {
  const scope = new Scope();
  const functions = [
    new PyFunction('range', makeRange),
    new PyFunction('namespace', makeNamespace),
    new PyFunction('dict', makeDict),
    new PyFunction('cycler', makeCycler),
    new PyFunction('joiner', makeJoiner),
    new PyFunction('raise_exception', ([message = '']) => {
      throw new PyError('TemplateError', textOf(message));
    }),
    new PyFunction('strftime_now', ([format = '']) => strftime(now(), textOf(format))),
  ];
  for (const made of functions) scope.set(made.name, made);
  return scope;
}

function makeRange(given: PyList): PyValue {
  const numbers = given.map((value) => {
    if (typeof value === 'bigint' || typeof value === 'boolean') return BigInt(value);
    throw new PyError('TypeError', 'range takes whole numbers');
  });
  const [first = 0n, second, step = 1n] = numbers;
  if (step === 0n) throw new PyError('ValueError', 'range() arg 3 must not be zero');
  const range = second === undefined ? new PyRange(0n, first, 1n) : new PyRange(first, second, step);
  if (range.length > LONGEST_RANGE)
    throw new PyError(
      'OverflowError',
      `Range too big. The sandbox blocks ranges larger than MAX_RANGE (${LONGEST_RANGE}).`,
    );
  return range;
}

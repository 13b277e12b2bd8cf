// Owns what a test file tells the runner, as a reporter of node:test: a line per test, and one at the end. Knows no verdict.
'use strict';
const { inspect } = require('node:util');

module.exports = async function* report(source) {
  for await (const { type, data } of source) {
    if (type === 'test:pass' || type === 'test:fail') yield `${JSON.stringify(lineOf(type, data))}\n`;
  }
  yield '"finished"\n';
};

function lineOf(type, data) {
  const { error, type: kind } = data.details;
  const line = { name: data.name, suite: kind === 'suite', place: { line: data.line, column: data.column } };
  if (data.skip !== undefined) return { ...line, leftOut: 'skipped', why: String(data.skip) };
  if (data.todo !== undefined) return { ...line, leftOut: 'to do' };
  if (type === 'test:pass') return line;
  const failed = inspect(error.cause ?? error, { depth: 6 });
  return { ...line, failed, onlyChildren: error.failureType === 'subtestsFailed' };
}

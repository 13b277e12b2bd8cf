// Joins all named outputs to one list, so that they can be cut and broken.
import { ANSWER_CASES, type AnswerCase } from './answer-cases.ts';
import { END_CASES } from './end-cases.ts';
import { JSON_CASES } from './json-cases.ts';
import { VALUE_CASES } from './value-cases.ts';

export function callWith(parameter: string, text: string): string {
  return `<tool_call>\n<function=f>\n<parameter=${parameter}>\n${text}\n</parameter>\n</function>\n</tool_call>`;
}

export function everyCase(): AnswerCase[] {
  const values = VALUE_CASES.map(([parameter, text, json, repair]): AnswerCase => {
    const repairs = repair === undefined ? [] : [repair];
    return [`value ${text}`, callWith(parameter, text), { calls: [`f{"${parameter}":${json}}`], repairs }];
  });
  return [...ANSWER_CASES, ...END_CASES, ...JSON_CASES, ...values];
}

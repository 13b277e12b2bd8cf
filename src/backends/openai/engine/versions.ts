// Owns what differs between versions of vLLM, as far as a person should know of it. Knows no connection.

interface Difference {
  /** The first version that is not meant. */
  readonly before: string;
  /** Of these models only; absent: of all. */
  readonly models?: RegExp;
  readonly remark: string;
}

const DIFFERENCES: readonly Difference[] = [
  { before: '0.10.1', remark: 'no model of the Nemotron family runs before 0.10.1' },
  { before: '0.11.2', remark: 'its thinking is named reasoning_content before 0.11.2; both names are read and sent' },
  { before: '0.12.0', models: /nemotron-3-nano/i, remark: 'Nemotron 3 Nano needs 0.11.2 and should have 0.12.0' },
  { before: '0.17.1', models: /nemotron-3-super/i, remark: 'Nemotron 3 Super needs 0.17.1' },
  { before: '0.22.0', models: /nemotron-3-ultra/i, remark: 'Nemotron 3 Ultra needs 0.22.0' },
  { before: '0.27.1', models: /lightning/i, remark: 'Nemotron 3.5 Lightning needs 0.27.1' },
  {
    before: '0.17.1',
    models: /nemotron-3/i,
    remark: 'the reasoning parser nemotron_v3 is built in from 0.17.1 on; before, give the plugin beside the model',
  },
  {
    before: '0.19.0',
    remark: 'it does not know thinking_token_budget before 0.19.0: only max_tokens bounds its thinking',
  },
  { before: '0.31.0', remark: 'its queue has no end before 0.31.0: max_concurrent of this backend is the only bound' },
];

/** Nothing for a version that cannot be read. */
export function remarksOn(version: string, models: readonly string[]): readonly string[] {
  const numbers = numbersOf(version);
  if (numbers === undefined) return [];
  const holds = ({ before, models: meant }: Difference) =>
    isBefore(numbers, numbersOf(before) ?? []) && (meant === undefined || models.some((id) => meant.test(id)));
  return DIFFERENCES.filter(holds).map(({ remark }) => remark);
}

function numbersOf(version: string): readonly number[] | undefined {
  const found = /^v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(version);
  return found === null ? undefined : found.slice(1).map((part) => Number(part ?? 0));
}

function isBefore(one: readonly number[], other: readonly number[]): boolean {
  const at = one.findIndex((number, place) => number !== other[place]);
  return at >= 0 && (one[at] ?? 0) < (other[at] ?? 0);
}

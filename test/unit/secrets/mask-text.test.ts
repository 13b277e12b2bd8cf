// Values in what we write ourselves: each is told by its name, in whatever form it stands there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTextMask } from '../../../src/secrets/mask-text.ts';

const VALUE = 'npm_abcdefghij0123456789';

test('a value is told by its name, plain and encoded, and the text around it stays', () => {
  const mask = createTextMask([{ name: 'NPM_TOKEN', value: VALUE }]);
  const texts = [
    `token ${VALUE}, twice ${VALUE}.`,
    `grüße ${encodeURIComponent(VALUE)} 🙂`,
    JSON.stringify({ header: `Basic ${Buffer.from(`me:${VALUE}`).toString('base64')}` }),
    Buffer.from(VALUE).toString('hex'),
    'nothing here',
  ];
  assert.deepEqual(
    texts.map((text) => mask?.(text)),
    [
      'token [secret NPM_TOKEN], twice [secret NPM_TOKEN].',
      'grüße [secret NPM_TOKEN] 🙂',
      '{"header":"Basic bWU6[secret NPM_TOKEN]"}',
      '[secret NPM_TOKEN]',
      'nothing here',
    ],
  );
});

test('what is masked inside of JSON is JSON still', () => {
  const mask = createTextMask([{ name: 'T', value: 'a"quoted\\value-of-1' }]);
  const text = JSON.stringify({ one: 'a"quoted\\value-of-1', two: 2 });
  assert.deepEqual(JSON.parse(mask?.(text) ?? ''), { one: '[secret T]', two: 2 });
});

test('values that are too short to be told from other text are passed over, and without any there is no mask', () => {
  assert.equal(
    createTextMask([
      { name: 'PIN', value: '1234' },
      { name: 'NONE', value: '' },
    ]),
    undefined,
  );
  const mask = createTextMask([
    { name: 'PIN', value: '1234' },
    { name: 'T', value: VALUE },
  ]);
  assert.equal(mask?.(`1234 ${VALUE}`), '1234 [secret T]');
});

test('a text of megabytes without a value is looked through in less than a second', () => {
  const mask = createTextMask([{ name: 'T', value: VALUE }]);
  const text = 'npm_abc and a lot of words beside it. '.repeat(100_000);
  const started = performance.now();
  assert.equal(mask?.(text), text);
  assert.ok(performance.now() - started < 1000, `${performance.now() - started} ms`);
});

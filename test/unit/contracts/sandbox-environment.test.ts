// What a sandbox with a network finds in its environment.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { secretEnvironment, trustEnvironment } from '../../../src/contracts/sandbox-environment.ts';

test('every tool that takes authorities from a variable is given the one file', () => {
  const environment = trustEnvironment('/box/authorities.pem');
  assert.deepEqual(new Set(Object.values(environment)), new Set(['/box/authorities.pem']));
  for (const name of ['SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'npm_config_cafile', 'PIP_CERT', 'REQUESTS_CA_BUNDLE'])
    assert.equal(environment[name], '/box/authorities.pem');
  for (const name of ['CURL_CA_BUNDLE', 'GIT_SSL_CAINFO', 'CARGO_HTTP_CAINFO'])
    assert.equal(environment[name], '/box/authorities.pem');
});

test('a secret is in the environment by its placeholder alone', () => {
  const secret = { name: 'NPM_TOKEN', placeholder: 'npm_placeholder', value: 'npm_the_value', header: 'authorization' };
  const bound = { ...secret, match: { hosts: ['registry.example.com'] } };
  assert.deepEqual(secretEnvironment([bound]), { NPM_TOKEN: 'npm_placeholder' });
});

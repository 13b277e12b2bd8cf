// A proxy of ours in a process of its own, so that its CPU time is its own. Tells its port; answers each message with its CPU time in ms.
import { openTestProxy } from '../../egress/scene.ts';
import { compileNetwork } from '../../../src/policy/network/judge.ts';
import { systemClock } from '../../../src/base/clock.ts';

const rules = [
  { id: 'pass', hosts: ['pass.test'], tls: 'pass' as const },
  { id: 'small', hosts: ['site.test'], methods: ['GET'], pathPrefixes: ['/small', '/large'] },
  ...Array.from({ length: 20 }, (_, at) => ({ id: `other-${at}`, hosts: [`*.other-${at}.test`], paths: ['/**/x'] })),
].map((rule) => ({ verdict: 'allow' as const, reason: '', advice: '', addresses: ['127.0.0.0/8'], ...rule }));

const proxy = await openTestProxy({
  rules,
  judge: compileNetwork(rules, [], systemClock),
  profile: { names: { 'site.test': ['127.0.0.1'], 'pass.test': ['127.0.0.1'] } },
});
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  proxy.records();
  process.send?.({ cpuMs: (user + system) / 1000 });
});
process.on('disconnect', () => process.exit());
process.send?.({ port: proxy.port });

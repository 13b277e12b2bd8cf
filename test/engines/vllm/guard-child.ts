// Owns a process that starts a group of its own, says who leads it, and never ends by itself. Knows no test.
import { spawn } from 'node:child_process';
import { dieWithUs } from './guard.ts';

const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
dieWithUs(child);
console.log(child.pid);
setInterval(() => {}, 1000);

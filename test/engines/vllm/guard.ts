// Owns the death of a process group with the process that started it, however that one ends. Knows no engine.
import { type ChildProcess, spawn } from 'node:child_process';

/** Whoever kills the tests kills no other group: this shell sees their end and kills the group that `child` leads. */
export function dieWithUs(child: ChildProcess): void {
  const words = ['-c', 'read -r _; kill -9 "-$0"', String(child.pid)];
  const guard = spawn('sh', words, { detached: true, stdio: ['pipe', 'ignore', 'ignore'] });
  guard.unref();
  child.once('exit', () => guard.kill('SIGKILL'));
}

// Owns the start of a program under another Node: signals reach it once, its end becomes ours. Knows no program.
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const { spawn } = require('node:child_process');

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'];
/** The terminal itself sends these to every process in its foreground, the child included. */
const FROM_TERMINAL = new Set(['SIGINT', 'SIGQUIT', 'SIGHUP']);

/** Runs `node ...argv` with our terminal and environment; never returns to the caller's business: exits as the child did. */
function startProgram(node, argv, env) {
  const child = spawn(node, argv, { stdio: 'inherit', env });
  for (const signal of FORWARDED) {
    process.on(signal, () => {
      if (!FROM_TERMINAL.has(signal) || !inForeground()) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`caisson: ${node} cannot be started: ${error.message}\n`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => endAs(code, signal));
}

function endAs(code, signal) {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
  // Signals that do not end this process leave the shell's convention.
  setTimeout(() => process.exit(128 + (os.constants.signals[signal] ?? 0)), 100);
}

/** True when our process group is the one that the terminal sends Ctrl-C to. */
function inForeground() {
  try {
    const stat = fs.readFileSync('/proc/self/stat', 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[2] === fields[5];
  } catch {
    return process.stdin.isTTY;
  }
}

module.exports = { startProgram };

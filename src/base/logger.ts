// Owns the interface of the operational log (never prompts, never secrets, never file contents). Knows no destination but a stream.

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

export interface Logger {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export const silentLogger: Logger = { info: () => {}, warn: () => {}, error: () => {} };

const LEVELS = ['info', 'warn', 'error'] as const;
export type LogLevel = (typeof LEVELS)[number];

/** JSON lines: time, level, message, fields; a field `message`, of an error, is written as `reason`. Nothing below `least` is written. */
export function jsonLogger(write: (line: string) => void, now: () => number, least: LogLevel = 'info'): Logger {
  const log = (level: LogLevel) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return () => {};
    return (message: string, { message: reason, ...fields }: LogFields = {}) =>
      write(`${JSON.stringify({ time: new Date(now()).toISOString(), level, message, reason, ...fields })}\n`);
  };
  return { info: log('info'), warn: log('warn'), error: log('error') };
}

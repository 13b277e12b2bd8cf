// Owns what the bootstrap says: one line per step on stderr, and one way to stop. Knows no step.
'use strict';

/** Ends the bootstrap: what was wrong, and what the person can do about it. */
class Stop extends Error {
  constructor(message, remedy) {
    super(message);
    this.remedy = remedy;
  }
}

/**
 * Runs one step and prints its line. A step returns what it found or did as text, or `{ said, did: true }` when it changed something.
 * Quiet reports print only steps that changed something.
 */
function createReport(quiet) {
  const line = (text) => process.stderr.write(`${text}\n`);
  return {
    announce: (text) => line(`caisson: ${text}`),
    step(name, work) {
      const start = Date.now();
      const result = work();
      const { said, did } = typeof result === 'string' ? { said: result, did: false } : result;
      if (!quiet || did) line(`caisson: ${name}: ${said} (${duration(Date.now() - start)})`);
      return result;
    },
  };
}

/** Runs `work`; a Stop becomes two lines and exit status 1, anything else is a defect and stays loud. */
function stopping(work) {
  try {
    work();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    process.stderr.write(`caisson: ${error.message}\n  → ${error.remedy}\n`);
    process.exit(1);
  }
}

function duration(milliseconds) {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

module.exports = { Stop, createReport, duration, stopping };

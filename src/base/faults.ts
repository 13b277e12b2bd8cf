// Owns the places where a test may kill the process, to prove that a crash there loses nothing. Does nothing unless a plan is set.

/** Called as `fault('before:journal.append')`; the default does nothing. */
export type FaultPoint = (place: string) => void;

export const noFaults: FaultPoint = () => {};

/**
 * Kills this process with SIGKILL at the n-th fault point it passes (1 is the first).
 * `onPass` hears of each one, so that a test can count how many a run has.
 */
export function killAt(target: number, onPass: (count: number, place: string) => void = () => {}): FaultPoint {
  let count = 0;
  return (place) => {
    count += 1;
    onPass(count, place);
    if (count === target) process.kill(process.pid, 'SIGKILL');
  };
}

/**
 * A clock for machines that others use: it stands still while this process waits for a processor.
 *
 * Invariant: it counts all threads of the process, so it only tells the time of work that one thread does.
 */

const MICROSECONDS = 1000;

/** Makes `performance.now` the milliseconds of a processor that this process has had. */
export const countProcessorTime = (): void => {
  const start = process.cpuUsage();
  performance.now = () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / MICROSECONDS;
  };
};

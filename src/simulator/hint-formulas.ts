/**
 * Closed forms for a buffer of hints (scanners/hint-buffer.ts) that arrive evenly; tests hold the scanner against them.
 * How many hints are served, how old they are by then, and how many of those are stale.
 *
 * The reference's round figures are special cases: newest first, about 1/s is the most a hint waits that is served one
 * at a time; first-in first-out, B/s is what the last hint of a burst waits, and where hints keep arriving faster than
 * they are served, overwriting the oldest keeps the wait down to B/a.
 */

/** Hints arriving at a rate, served some at a time at regular wakes. */
export interface HintLoad {
  readonly arrivalsPerSecond: number;
  readonly servedPerSecond: number;
  readonly wakeSeconds: number;
  /** Of the buffer, in hints. */
  readonly capacity: number;
}

/** Ages are spread evenly between the two. */
interface AgeRange {
  readonly youngestSeconds: number;
  readonly oldestSeconds: number;
}

/** The share of hints that is served, the others being lost. */
export function servedFraction({ arrivalsPerSecond, servedPerSecond }: HintLoad): number {
  return Math.min(1, servedPerSecond / arrivalsPerSecond);
}

/** Newest first, more arriving than is served: each wake takes the last ones that came. */
export function newestFirstAges(load: HintLoad): AgeRange {
  const servedAtOnce = load.servedPerSecond * load.wakeSeconds;
  return { youngestSeconds: 0, oldestSeconds: servedAtOnce / load.arrivalsPerSecond };
}

/** First in, first out, more arriving than is served: the buffer holds the last `capacity`, each wake takes its end. */
export function firstInAges(load: HintLoad): AgeRange {
  const servedAtOnce = load.servedPerSecond * load.wakeSeconds;
  return {
    youngestSeconds: (load.capacity - servedAtOnce) / load.arrivalsPerSecond,
    oldestSeconds: load.capacity / load.arrivalsPerSecond,
  };
}

/** First in, first out, after a burst that filled the buffer, and nothing since. */
export function drainedAges({ capacity, servedPerSecond }: HintLoad): AgeRange {
  return { youngestSeconds: 0, oldestSeconds: capacity / servedPerSecond };
}

export function meanAgeSeconds({ youngestSeconds, oldestSeconds }: AgeRange): number {
  return (youngestSeconds + oldestSeconds) / 2;
}

/**
 * Taken and lost at random, more arriving than is served: a hint leaves a full buffer at the rate arrivals / capacity
 * whatever its age, so ages are exponential with this mean.
 */
export function randomMeanAgeSeconds({ capacity, arrivalsPerSecond }: HintLoad): number {
  return capacity / arrivalsPerSecond;
}

/** The share of hints of those ages whose page has changed, pages living exponentially long. */
export function staleShare(ages: AgeRange, meanLifeSeconds: number): number {
  const { youngestSeconds, oldestSeconds } = ages;
  const kept =
    Math.exp(-youngestSeconds / meanLifeSeconds) - Math.exp(-oldestSeconds / meanLifeSeconds);
  return 1 - (meanLifeSeconds * kept) / (oldestSeconds - youngestSeconds);
}

/** The same of a buffer that takes and loses at random. */
export function randomStaleShare(load: HintLoad, meanLifeSeconds: number): number {
  const ageSeconds = randomMeanAgeSeconds(load);
  return ageSeconds / (ageSeconds + meanLifeSeconds);
}

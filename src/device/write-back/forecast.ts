/**
 * How long a medium lasts at the rate it has been written. The medium is taken to level its wear, so that each of its
 * bytes is programmed as often as any other.
 */

const DAY_SECONDS = 86_400;
const YEAR_DAYS = 365.25;

export interface WearSoFar {
  /** Handed to the medium, all kinds together. */
  readonly programmedBytes: number;
  /** In that many seconds. */
  readonly seconds: number;
  readonly capacityBytes: number;
  /** Times each byte can be programmed. */
  readonly enduranceCycles: number;
}

/** Null before anything was programmed, or any time has passed. */
export interface Forecast {
  readonly perDayBytes: number | null;
  /** From new to worn out. */
  readonly years: number | null;
}

export function forecast(soFar: WearSoFar): Forecast {
  const { programmedBytes, seconds, capacityBytes, enduranceCycles } = soFar;
  if (programmedBytes === 0 || seconds === 0) return { perDayBytes: null, years: null };
  const perDayBytes = (programmedBytes / seconds) * DAY_SECONDS;
  return { perDayBytes, years: (capacityBytes * enduranceCycles) / perDayBytes / YEAR_DAYS };
}

/**
 * A progress bar on standard error, on a terminal only, and only for work that takes longer than a moment. Holds
 * always: nothing is written where standard error is no terminal; `stop` leaves the line as it was.
 */

import { SingleBar } from "cli-progress";
import type { Clock } from "../base/clock.ts";

const QUIET_SECONDS = 0.4;
const WIDTH = 32;

export interface Progress {
  /** How far `label` is: a fraction from 0 to 1. */
  update(label: string, fraction: number): void;
  /** Takes the bar away; may be called again. */
  stop(): void;
}

/** Progress on `stream`, usually standard error. */
export function createProgress(
  stream: NodeJS.WriteStream,
  options: { readonly clock: Clock },
): Progress {
  if (!stream.isTTY) return { update() {}, stop() {} };
  const startSeconds = options.clock.seconds();
  const barOptions = {
    stream,
    format: "{label} {bar} {percentage} %  {eta_formatted} left",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: WIDTH,
    hideCursor: true,
    clearOnComplete: true,
    etaBuffer: 50,
  };
  let shown: { readonly label: string; readonly bar: SingleBar } | undefined;
  const stop = () => {
    shown?.bar.stop();
    shown = undefined;
  };
  return {
    update(label, fraction) {
      if (options.clock.seconds() - startSeconds < QUIET_SECONDS) return;
      if (shown?.label !== label) {
        stop();
        shown = { label, bar: new SingleBar(barOptions) };
        shown.bar.start(1000, 0, { label });
      }
      shown.bar.update(Math.round(fraction * 1000));
    },
    stop,
  };
}

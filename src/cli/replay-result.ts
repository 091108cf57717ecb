/** The outcome of a replay as a result object. */

import type {
  LatencyFigures,
  ReplayResult,
  RequestFigures,
  RequestName,
} from "../report/result.ts";
import type { KindOutcome, ReplayOutcome } from "../trace/replay.ts";
import type { Latencies } from "../trace/replay-latency.ts";
import type { TraceReader } from "../trace/swap/trace-reader.ts";
import type { Targets } from "./replay-targets.ts";

function latencyFigures(latencies: Latencies): LatencyFigures {
  return {
    p50: latencies.quantileUs(0.5),
    p90: latencies.quantileUs(0.9),
    p99: latencies.quantileUs(0.99),
    p999: latencies.quantileUs(0.999),
    max: latencies.mostUs,
  };
}

function requestFigures({ latencies, ...counts }: KindOutcome): RequestFigures {
  return { ...counts, latency_us: latencyFigures(latencies) };
}

/** `options.hasTimes`: the requests were sent at times of their own. */
export function replayResult(
  trace: TraceReader,
  outcome: ReplayOutcome,
  options: { readonly targets: Targets; readonly hasTimes: boolean },
): ReplayResult {
  const { targets, hasTimes } = options;
  const { isComplete, records, contents, durationUs } = trace.ending;
  const { kinds, targetSeconds } = outcome;
  const failed = Object.values(kinds).reduce((sum, kind) => sum + kind.failed, 0);
  const nameOf = (index: number) => trace.exports[index]!.name;
  return {
    trace: {
      file: trace.path,
      bytes: trace.sizeBytes,
      complete: isComplete,
      records,
      contents,
      seconds: durationUs / 1e6,
      exports: trace.exports.map(({ name, domain, sizeBytes }) => ({
        name,
        domain,
        size_bytes: sizeBytes,
      })),
    },
    requests: records,
    failed,
    seconds: outcome.seconds,
    target_seconds: targetSeconds,
    requests_per_second: targetSeconds > 0 ? records / targetSeconds : null,
    lag_seconds_max: hasTimes ? outcome.mostLagSeconds : null,
    kinds: Object.fromEntries(
      Object.entries(kinds).map(([name, kind]) => [name, requestFigures(kind)]),
    ) as Record<RequestName, RequestFigures>,
    verified: {
      pages: outcome.checkedPages,
      unknown_pages: outcome.unknownPages,
      different_pages: outcome.differentPages,
      differences: outcome.differences.map(({ exportIndex, pageIndex, ...one }) => ({
        ...one,
        export: nameOf(exportIndex),
        page: pageIndex,
      })),
    },
    failures: outcome.failures.map(({ exportIndex, ...one }) => ({
      ...one,
      export: nameOf(exportIndex),
    })),
    store: targets.stats(),
    overflow: targets.overflow(),
    zram_write_back: targets.zramWriteBack(),
    accounting: targets.accounting(),
  };
}

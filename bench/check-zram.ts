/**
 * `npm run check:zram`: the kernel judges the prediction. Writes each corpus to a real zram and compares mm_stat with
 * what `analyze` predicts. Exit 0 agreed, 1 not, 2 no kernel zram to be had.
 */

import { getCodec } from "../codecs/registry.ts";
import { pageAlignedBytes } from "../src/base/wasm.ts";
import { predictZram } from "../src/lab/zram.ts";
import { columns, wholeNumber } from "../src/report/terminal.ts";
import { CORPORA, corpusPages } from "./corpus.ts";
import { type MmStat, withZram, type ZramDevice, zramObstacle } from "./zram-device.ts";

/** How far each word of mm_stat may be off, as a share; 0 must be equal. */
const BOUNDS = {
  orig_data_size: 0,
  same_pages: 0,
  huge_pages: 0,
  compr_data_size: 0.0005,
  mem_used_total: 0.005,
} as const satisfies Partial<Record<keyof MmStat, number>>;

/** Compares one corpus, for the default chain size of kernels since 6.3 (8). */
async function checkCorpus(
  name: string,
  device: ZramDevice,
): Promise<{ rows: string[][]; failures: number }> {
  const plain = corpusPages(name);
  const bytes = pageAlignedBytes(plain.length);
  bytes.set(plain);
  device.setUp("lz4", bytes.length);
  device.writeAll(bytes);
  const seen = device.stat();
  const predicted = await predictZram([plain], { codec: getCodec("lz4") });
  let failures = 0;
  const rows = (Object.keys(BOUNDS) as (keyof typeof BOUNDS)[]).map((word) => {
    const off = seen[word] === predicted[word] ? 0 : Math.abs(predicted[word] / seen[word] - 1);
    const isGood = off <= BOUNDS[word];
    if (!isGood) failures += 1;
    return [
      name,
      word,
      wholeNumber(seen[word]),
      wholeNumber(predicted[word]),
      `${(100 * off).toFixed(3)} %`,
      isGood ? "agreed" : `off by more than ${100 * BOUNDS[word]} %`,
    ];
  });
  return { rows, failures };
}

const obstacle = zramObstacle();
if (obstacle !== null) {
  process.stderr.write(`check:zram needs the kernel's zram: ${obstacle}\n`);
  process.exitCode = 2;
} else {
  const failures = await withZram(async (device) => {
    const rows = [["", "mm_stat", "kernel", "predicted", "apart", ""]];
    let failed = 0;
    for (const name of CORPORA) {
      const checked = await checkCorpus(name, device);
      rows.push(...checked.rows);
      failed += checked.failures;
    }
    const align = ["left", "left", "right", "right", "right", "left"] as const;
    process.stdout.write(`${columns(rows, { align })}\n`);
    return failed;
  });
  process.stdout.write(
    failures === 0
      ? "the kernel agrees with every prediction made\n"
      : `${failures} predictions are off\n`,
  );
  process.exitCode = failures === 0 ? 0 : 1;
}

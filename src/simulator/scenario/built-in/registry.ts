/** The scenarios that come with pagefold. Adding one is its file, an import and a line here. */

import type { BuiltIn } from "./built-in.ts";
import { hintBuffer } from "./hint-buffer.ts";
import { idleDedup } from "./idle-dedup.ts";
import { ksmFill } from "./ksm-fill.ts";
import { ksmPlusPlus } from "./ksm-plus-plus.ts";
import { scanners } from "./scanners.ts";
import { sharedSwap } from "./shared-swap.ts";
import { sideChannel } from "./side-channel.ts";
import { tmem } from "./tmem.ts";
import { zeroing } from "./zeroing.ts";

/** In the order lists show them. */
export const builtIns: readonly BuiltIn[] = [
  ksmPlusPlus,
  hintBuffer,
  idleDedup,
  sharedSwap,
  zeroing,
  tmem,
  scanners,
  sideChannel,
  ksmFill,
];

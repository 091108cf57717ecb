/** What an export tells of its bytes without reading them, against the model: extents and runs of zeros. */

import { PAGE_BYTES } from "../../src/base/units.ts";
import { EXTENT_STATE, type Extent } from "../../src/index.ts";
import { AuditError } from "./audit.ts";
import type { ModelExport } from "./model-export.ts";
import type { World } from "./world.ts";

const { HOLE, ZERO, SAME_FILLED, HUGE, IDLE, SHARED } = EXTENT_STATE;

/** The state of a slot as it has to be; which object it holds, and whether that is raw, the store is asked. */
function stateOf(world: World, target: ModelExport, index: number): number {
  const content = target.held[index] ?? null;
  if (content === null) return HOLE | ZERO;
  if (content === world.contents.zeros) {
    const isSure = world.limitBytes === 0 || target.reserved[index];
    return SAME_FILLED | ZERO | (isSure ? 0 : HOLE);
  }
  if (content.isSameFilled) return SAME_FILLED;
  const { table } = world.core.exports.get(target.plan.name)!;
  const id = table.objectAt(index);
  const isShared = target.held.some((_, other) => other !== index && table.objectAt(other) === id);
  return (
    (world.core.engine.isHuge(id) ? HUGE : 0) |
    (target.idle[index] ? IDLE : 0) |
    (isShared ? SHARED : 0)
  );
}

/** Checks what is told of a range. */
export async function checkExtents(
  world: World,
  target: ModelExport,
  range: { readonly offset: number; readonly length: number },
): Promise<void> {
  const end = range.offset + range.length;
  const expected: { length: number; state: number }[] = [];
  let zeros = 0;
  for (let at = range.offset; at < end; ) {
    const index = Math.floor(at / PAGE_BYTES);
    const length = Math.min(end, (index + 1) * PAGE_BYTES) - at;
    const state = stateOf(world, target, index);
    if ((state & ZERO) !== 0 && zeros === at - range.offset) zeros += length;
    const last = expected.at(-1);
    if (last?.state === state) last.length += length;
    else expected.push({ length, state });
    at += length;
  }
  const found: readonly Extent[] = await target.device.extents(range.offset, range.length);
  const [told, wanted] = [JSON.stringify(found), JSON.stringify(expected)];
  if (told !== wanted) throw new AuditError(`extents are ${told}, not ${wanted}`);
  const run = target.device.zeroRun(range.offset, range.length);
  if (run !== zeros) throw new AuditError(`${run} bytes known to be zeros, not ${zeros}`);
}

/** How old objects are: an object is as young as its youngest slot, and idle if all its slots are. */

import type { StoreCore } from "./store-core.ts";

/** For each object id: 1 if one of its slots was touched within `idleSeconds` or, where asked, is not marked idle. */
export function youngObjects(
  store: StoreCore,
  { wantsIdle, idleSeconds }: { readonly wantsIdle: boolean; readonly idleSeconds: number },
): Uint8Array {
  const young = new Uint8Array(store.engine.idEnd());
  if (!wantsIdle && idleSeconds === 0) return young;
  const now = store.options.clock.seconds();
  for (const { table } of store.exports.values()) {
    for (let index = 0; index < table.slots; index++) {
      const id = table.objectAt(index);
      if (id === 0) continue;
      if ((wantsIdle && !table.isIdle(index)) || table.ageAt(index, now) < idleSeconds)
        young[id] = 1;
    }
  }
  return young;
}

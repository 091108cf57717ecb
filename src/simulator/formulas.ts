/**
 * Closed forms for the linear scanner; tests hold it against them. A page gets contents that stay for a life, at a
 * moment and a place in the pass of chance; the scanner visits it once a pass. Lives and delays are in passes.
 *
 * Two fresh pages of equal contents must both be seen unchanged, which is twice each, and meet in one pass: its
 * unstable tree is forgotten at its end. So when the end of a pass comes between their visits, the one seen unchanged
 * before it waits for the other's pass. In a tree that was kept they would merge with the last of four visits, for
 * independent places with the square of the chance for adjacent ones, and after 5/3 passes.
 */

/** See KsmKnobs. */
export type MergeOrder = "checksum-first" | "stable-first";
/** Where the two pages of a pair lie: independently of each other, or next to each other. */
export type PairPlacement = "independent" | "adjacent";

const clamp = (value: number) => Math.min(1, Math.max(0, value));

/** The chance that a page joins an equal merged one within its life: one visit, or a second that finds it unchanged. */
export function joinChance(lifePasses: number, order: MergeOrder): number {
  return clamp(order === "stable-first" ? lifePasses : lifePasses - 1);
}

/** How long that takes when life is long enough. */
export function meanJoinDelayPasses(order: MergeOrder): number {
  return order === "stable-first" ? 1 / 2 : 3 / 2;
}

/**
 * The chance that two pages that get equal contents at the same time merge within their life. With d passes between
 * their places they merge after 1 + d + u passes, u even from 0 to 1; d is 0, or has density 2 (1 - d).
 */
export function pairChance(lifePasses: number, placement: PairPlacement): number {
  const beyond = lifePasses - 1;
  if (placement === "adjacent") return clamp(beyond);
  if (beyond <= 0) return 0;
  if (beyond >= 2) return 1;
  return beyond <= 1 ? beyond ** 2 - beyond ** 3 / 3 : 1 - (2 - beyond) ** 3 / 3;
}

/** How long that takes when life is long enough. */
export function meanPairDelayPasses(placement: PairPlacement): number {
  return placement === "adjacent" ? 3 / 2 : 11 / 6;
}

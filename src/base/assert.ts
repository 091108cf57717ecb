/** Assertions guard against our own mistakes and stay on in every build; outside input gets a PagefoldError instead. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`pagefold: broken assumption: ${message}`);
}

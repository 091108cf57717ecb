/** What a refusal has to be: its code, its errno, and a message with the value, the limit and the like in it. */

import { expect } from "vitest";
import { PagefoldError } from "../../src/base/errors.ts";

export interface Refusal {
  readonly code: string;
  readonly errno: string;
  /** What the message must contain. */
  readonly says: readonly (string | number)[];
}

/** For errors of one kind, so that a test names what is said only. */
export const refusal = {
  invalid: (...says: (string | number)[]): Refusal => ({
    code: "INVALID_ARGUMENT",
    errno: "EINVAL",
    says,
  }),
  outOfRange: (...says: (string | number)[]): Refusal => ({
    code: "OUT_OF_RANGE",
    errno: "EINVAL",
    says,
  }),
  closed: (...says: (string | number)[]): Refusal => ({ code: "CLOSED", errno: "EBADF", says }),
  noSpace: (...says: (string | number)[]): Refusal => ({ code: "NO_SPACE", errno: "ENOSPC", says }),
  busy: (...says: (string | number)[]): Refusal => ({ code: "BUSY", errno: "EBUSY", says }),
} as const;

function check(error: unknown, expected: Refusal): void {
  expect(error).toBeInstanceOf(PagefoldError);
  const { code, errno, message } = error as PagefoldError;
  expect({ code, errno }, message).toEqual({ code: expected.code, errno: expected.errno });
  for (const part of expected.says) expect(message).toContain(String(part));
}

/** Checks that `act` throws that refusal. */
export function expectRefusal(act: () => unknown, expected: Refusal): void {
  let error: unknown = "nothing was thrown";
  try {
    act();
  } catch (thrown) {
    error = thrown;
  }
  check(error, expected);
}

/** Checks that `act`, awaited, throws that refusal. */
export async function expectRejection(act: () => unknown, expected: Refusal): Promise<void> {
  let error: unknown = "nothing was thrown";
  try {
    await act();
  } catch (thrown) {
    error = thrown;
  }
  check(error, expected);
}

/**
 * The workload "fill": memory filled as page counts and contents say, and changed between passes of the scanner. What a
 * filling is, and what it does, is here once: the check against the kernel's KSM fills real memory from the same code.
 * Page p of the filling is the guest's page p; the same parameters and seed give the same contents in the same order.
 */

import { z } from "zod";
import { PagefoldError } from "../../base/errors.ts";
import type { SeededRandom } from "../../base/random.ts";
import { type Contents, ZERO_CONTENT } from "../contents.ts";
import type { Guest } from "../guest/guest.ts";
import { PAGE_CLASS } from "../page-classes.ts";
import type { Workload, WorkloadKind } from "./workload.ts";

const ABSENT = -1;
const MOST_PAGES = 2 ** 24;

const pageCount = z.int().min(1).max(MOST_PAGES);

const contentSchema = z.union([
  z.enum(["unique", "same", "zero", "absent"]),
  z.strictObject({
    contents: pageCount.describe("how many contents; page i gets content i modulo this"),
    name: z
      .string()
      .min(1)
      .optional()
      .describe(
        "those of one name and number are the same everywhere; without a name, nobody else has them",
      ),
  }),
]);

const contentWords =
  'what they hold: "unique" (each its own), "same" (all one content that nobody else has), "zero", "absent" (not there), ' +
  'or {"contents": 500, "name": "libs"}';

const groupSchema = z.strictObject({
  pages: pageCount.describe("how many pages, following those of the group before"),
  content: contentSchema.describe(contentWords),
});

const changeSchema = z.strictObject({
  after_pass: z.int().min(1).describe("made when the scanner has completed that many passes"),
  every: z
    .int()
    .min(1)
    .optional()
    .describe("and again after each so many passes more; without, once"),
  until: z.int().min(1).optional().describe("the last pass that a repeated change is made after"),
  first: z.int().min(0).default(0).describe("the first page concerned"),
  pages: pageCount.optional().describe("how many pages from there on; without, all to the end"),
  share: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe("each of them is changed with this probability, drawn anew each time"),
  to: z
    .union([contentSchema, z.literal("again")])
    .describe('what they hold then, as in "fill"; "again": written once more with what they hold'),
});

export const fillSchema = z
  .strictObject({
    fill: z
      .array(groupSchema)
      .min(1)
      .default([{ pages: 8192, content: "unique" }])
      .describe("groups of pages in order, there from the start"),
    changes: z
      .array(changeSchema)
      .default([])
      .describe("what is written and discarded between passes, in order"),
  })
  .superRefine(({ fill, changes }, context) => {
    const pages = pagesOf({ fill });
    changes.forEach((change, index) => {
      if (change.until !== undefined && change.every === undefined) {
        context.addIssue({
          code: "custom",
          path: ["changes", index, "until"],
          message: `"until" ends a repeated change; say how often with "every"`,
        });
      }
      if (change.first + (change.pages ?? 1) <= pages) return;
      const last = change.first + (change.pages ?? 1) - 1;
      context.addIssue({
        code: "custom",
        path: ["changes", index, change.pages === undefined ? "first" : "pages"],
        message: `page ${last} is changed, but "fill" has ${pages} pages, 0 to ${pages - 1}`,
      });
    });
  });

/** How many pages a filling has. */
function pagesOf(parameters: { fill: readonly { pages: number }[] }): number {
  return parameters.fill.reduce((sum, group) => sum + group.pages, 0);
}

export type FillParameters = z.infer<typeof fillSchema>;
type Content = z.infer<typeof contentSchema>;
type Change = z.infer<typeof changeSchema>;

/** A run of pages, of which a share gets other contents. */
interface Run {
  readonly first: number;
  readonly pages: number;
  readonly share: number;
  readonly to: Content | "again";
}

/** Where a filling goes. */
export interface FillTarget {
  write(page: number, content: number): void;
  discard(page: number): void;
}

/** The pages of one filling: what each holds, and what comes after each pass. */
export class Filling {
  readonly pages: number;
  readonly #parameters: FillParameters;
  readonly #contents: Contents;
  readonly #random: SeededRandom;
  /** By page: its content, ABSENT where there is none. */
  readonly #contentOf: Int32Array;

  constructor(
    parameters: FillParameters,
    options: { readonly contents: Contents; readonly random: SeededRandom },
  ) {
    this.#parameters = parameters;
    this.#contents = options.contents;
    this.#random = options.random;
    this.pages = pagesOf(parameters);
    this.#contentOf = new Int32Array(this.pages).fill(ABSENT);
  }

  /** Fills `target` as it is before the first pass. */
  start(target: FillTarget): void {
    let first = 0;
    for (const { pages, content } of this.#parameters.fill) {
      this.#set(target, { first, pages, share: 1, to: content });
      first += pages;
    }
  }

  /** Does to `target` what comes after pass `pass`; passes are told in order, none left out. */
  afterPass(pass: number, target: FillTarget): void {
    for (const change of this.#parameters.changes) {
      if (!isDue(change, pass)) continue;
      this.#set(target, { ...change, pages: change.pages ?? this.pages - change.first });
    }
  }

  #set(target: FillTarget, run: Run): void {
    const { first, pages, share, to } = run;
    const chosenBelow = share * 2 ** 32;
    const { base, contents } = this.#contentsFor(to);
    for (let index = 0; index < pages; index++) {
      if (share < 1 && this.#random.uint32() >= chosenBelow) continue;
      const page = first + index;
      let content = base + (index % contents);
      if (to === "unique") content = this.#contents.fresh();
      else if (to === "again") content = this.#contentOf[page]!;
      this.#contentOf[page] = content;
      if (content === ABSENT) target.discard(page);
      else target.write(page, content);
    }
  }

  /** Page i of a run gets content `base` + i modulo `contents`, unless each has its own. */
  #contentsFor(to: Run["to"]): { base: number; contents: number } {
    if (to === "zero") return { base: ZERO_CONTENT, contents: 1 };
    if (to === "same") return { base: this.#contents.fresh(), contents: 1 };
    if (typeof to === "string") return { base: ABSENT, contents: 1 };
    const { name, contents } = to;
    const base =
      name === undefined
        ? this.#contents.reserve(contents)
        : this.#contents.image(`fill ${name} ${contents}`, contents);
    return { base, contents };
  }
}

function isDue({ after_pass, every, until }: Change, pass: number): boolean {
  if (pass <= after_pass) return pass === after_pass;
  if (every === undefined || pass > (until ?? pass)) return false;
  return (pass - after_pass) % every === 0;
}

class Fill implements Workload {
  readonly #filling: Filling;
  readonly #target: FillTarget;
  #isFilled = false;

  constructor(filling: Filling, { host, firstPage }: Guest) {
    this.#filling = filling;
    this.#target = {
      write: (page, content) => {
        host.setClass(firstPage + page, PAGE_CLASS.anonymous);
        host.write(firstPage + page, content);
      },
      discard: (page) => {
        host.discard(firstPage + page);
        host.setClass(firstPage + page, PAGE_CLASS.free);
      },
    };
  }

  step(): number {
    if (!this.#isFilled) this.#filling.start(this.#target);
    this.#isFilled = true;
    return 0;
  }

  onPass(passes: number): void {
    if (this.#isFilled) this.#filling.afterPass(passes, this.#target);
  }
}

export const fill: WorkloadKind<FillParameters> = {
  kind: "fill",
  summary:
    "memory filled as page counts and contents say, and changed between passes of the scanner",
  parameters: fillSchema,
  create({ guest, contents, random, parameters }) {
    const filling = new Filling(parameters, { contents, random });
    if (filling.pages > guest.pages) {
      throw new PagefoldError(
        "INVALID_ARGUMENT",
        `${guest.name} has ${guest.pages} pages and is filled with ${filling.pages}; give it more memory or fill fewer`,
      );
    }
    return new Fill(filling, guest);
  },
};

import { describe, expect, it } from "vitest";
import {
  isDeviceMapping,
  isKernelMapping,
  pageFrame,
  pageState,
  parseMaps,
} from "../../src/trace/proc.ts";

const MAPS = `00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/some program
00e03000-00e24000 rw-p 00000000 00:00 0           [heap]
35b1800000-35b1820000 r--s 00000000 08:02 135522  /dev/dri/card0
7fffb2c0d000-7fffb2c2e000 rw-p 00000000 00:00 0
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]
`;

/** An entry of pagemap from its bits, as the kernel's page on pagemap numbers them. */
function entry(...bits: number[]): Uint32Array {
  return new Uint32Array(
    new BigUint64Array([bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n)]).buffer,
  );
}

describe("parseMaps", () => {
  it("reads ranges in pages, with privacy and name", () => {
    expect(parseMaps(MAPS).slice(0, 4)).toEqual([
      { firstPage: 0x400, endPage: 0x452, isPrivate: true, name: "/usr/bin/some program" },
      { firstPage: 0xe03, endPage: 0xe24, isPrivate: true, name: "[heap]" },
      { firstPage: 0x35b1800, endPage: 0x35b1820, isPrivate: false, name: "/dev/dri/card0" },
      { firstPage: 0x7fffb2c0d, endPage: 0x7fffb2c2e, isPrivate: true, name: "" },
    ]);
  });

  it("keeps the page numbers of the highest addresses exact", () => {
    expect(parseMaps(MAPS)[4]?.firstPage).toBe(0xffffffffff600);
  });

  it("finds nothing in the empty text of a kernel thread", () => {
    expect(parseMaps("")).toEqual([]);
  });
});

describe("pageState", () => {
  it.each([
    { bits: [], state: { backing: "none", isSwapped: false, isShared: false } },
    { bits: [63, 56], state: { backing: "anonymous", isSwapped: false, isShared: false } },
    { bits: [63], state: { backing: "anonymous", isSwapped: false, isShared: true } },
    { bits: [62, 5], state: { backing: "anonymous", isSwapped: true, isShared: false } },
    { bits: [63, 61, 56], state: { backing: "file", isSwapped: false, isShared: false } },
    { bits: [62, 61], state: { backing: "file", isSwapped: true, isShared: false } },
    { bits: [58], state: { backing: "guard", isSwapped: false, isShared: false } },
    { bits: [62, 58], state: { backing: "guard", isSwapped: false, isShared: false } },
    { bits: [55], state: { backing: "none", isSwapped: false, isShared: false } },
  ])("decodes bits $bits", ({ bits, state }) => {
    expect(pageState(entry(...bits), 0)).toEqual(state);
  });
});

describe("pageFrame", () => {
  it("takes bits 0 to 54", () => {
    expect(pageFrame(entry(63, 56, 55, 40, 3), 0)).toBe(2 ** 40 + 8);
  });
});

describe("isKernelMapping", () => {
  it.each(["[vvar]", "[vvar_vclock]", "[vdso]", "[vsyscall]", "[uprobes]"])(
    "is true for %s",
    (name) => {
      expect(isKernelMapping(name)).toBe(true);
    },
  );

  it.each(["", "[heap]", "[stack]", "[anon:vdso]", "/lib/[vdso]"])("is false for %j", (name) => {
    expect(isKernelMapping(name)).toBe(false);
  });
});

describe("isDeviceMapping", () => {
  it.each([
    { name: "/dev/dri/card0", isPrivate: true, is: true },
    { name: "anon_inode:kvm-vcpu:0", isPrivate: false, is: true },
    { name: "/dev/zero", isPrivate: true, is: false },
    { name: "/dev/shm/x", isPrivate: true, is: false },
    { name: "[heap]", isPrivate: true, is: false },
  ])("is $is for $name, private $isPrivate", ({ name, isPrivate, is }) => {
    expect(isDeviceMapping({ firstPage: 0, endPage: 1, isPrivate, name })).toBe(is);
  });
});

import { describe, expect, it } from "vitest";
import { addressesOf, parseReplayUri } from "../../src/cli/replay-arguments.ts";
import { formatNbdUri } from "../../src/nbd/uri.ts";

const SOCKET = "nbd+unix:///?socket=/run/a=nbd.sock";
const exportsNamed = (...names: string[]) =>
  names.map((name) => ({ name, domain: "", sizeBytes: 4096 }));

function targets(names: readonly string[], ...uris: string[]): string[] {
  const parsed = uris.map((uri) => parseReplayUri(uri));
  return addressesOf(exportsNamed(...names), parsed).map((address) => formatNbdUri(address));
}

describe("replay --uri", () => {
  it("takes the only export of a trace to the export the URI names", () => {
    expect(targets(["a"], "nbd://host/other")).toEqual(["nbd://host/other"]);
  });

  it("takes several exports to those of their names", () => {
    expect(targets(["", "a/b"], SOCKET)).toEqual(
      [SOCKET, "nbd+unix:///a/b?socket=/run/a=nbd.sock"].map((uri) =>
        uri.replace("=nbd", "%3Dnbd"),
      ),
    );
  });

  it("takes an export that is named to its own URI, the others to the common one", () => {
    const named = "=nbds+unix:///x?socket=/run/s";
    expect(targets(["", "a"], named, "nbd://host")).toEqual([
      "nbds+unix:///x?socket=/run/s",
      "nbd://host/a",
    ]);
  });

  it("takes what stands before the first =nbd: for the name, even an address", () => {
    expect(targets(["x=y"], "x=y=nbd://host/z")).toEqual(["nbd://host/z"]);
  });

  it.each([
    { names: ["a"], uris: ["b=nbd://host"], says: 'export "b", which the trace does not have' },
    { names: ["a", "b"], uris: ["a=nbd://host"], says: 'gives export "b" no server' },
    { names: ["a"], uris: ["nbd://one", "nbd://two"], says: "2 servers" },
    { names: ["a"], uris: ["a=nbd://one", "a=nbd://two"], says: 'export "a" 2 servers' },
    { names: ["a"], uris: ["a=b=c"], says: "is no NBD URI" },
  ])("refuses $uris for the exports $names", ({ names, uris, says }) => {
    expect(() => targets(names, ...uris)).toThrow(says);
  });
});

/**
 * Compiles the AssemblyScript modules and writes each as a TypeScript file holding its bytes in base64, so that the
 * library needs no file beside its code. `--check` compiles and compares with what is committed instead (exit 1 if they
 * differ).
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const MODULES = [
  { source: "src/engine/assembly/core.ts", target: "src/engine/core.wasm.ts", memoryBase: 4096 },
  { source: "codecs/lz4/assembly/module.ts", target: "codecs/lz4/lz4.wasm.ts", memoryBase: 4096 },
  {
    source: "codecs/lz4-fast/assembly/module.ts",
    target: "codecs/lz4-fast/lz4-fast.wasm.ts",
    memoryBase: 4096,
  },
];

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const isCheck = process.argv.includes("--check");
let differs = false;

for (const { source, target, memoryBase } of MODULES) {
  const bytes = [];
  const { error, stderr } = await asc.main(
    [
      source,
      "--outFile",
      "module.wasm",
      "-O3",
      "--converge",
      "--noAssert",
      "--runtime",
      "stub",
      "--enable",
      "simd",
      "--enable",
      "bulk-memory",
      "--memoryBase",
      String(memoryBase),
      "--maximumMemory",
      "65536",
    ],
    { writeFile: (_name, contents) => bytes.push(contents) },
  );
  if (error) {
    console.error(stderr.toString());
    process.exit(1);
  }
  const wasm = Buffer.from(bytes[0]);
  const lines = wasm
    .toString("base64")
    .match(/.{1,116}/g)
    .map((line) => `  "${line}"`);
  const head = `/** Made from ${source} by \`npm run build:wasm\`; not to be edited. */`;
  const text = `${head}\nexport default [\n${lines.join(",\n")},\n].join("");\n`;
  if (isCheck) {
    if (readFileSync(target, "utf8") !== text) {
      console.error(
        `${target} is not what ${source} compiles to: run npm run build:wasm and commit it`,
      );
      differs = true;
    }
  } else {
    writeFileSync(target, text);
  }
  console.log(`${target}: ${wasm.length} bytes of WebAssembly${isCheck ? " compared" : ""}`);
}
process.exit(differs ? 1 : 0);

// Plain JavaScript, so that an older Node says what is wrong instead of failing on the first type.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 22 || (major === 22 && minor < 19)) {
  console.error(`The local AWS stand-in needs Node 22.19 or newer on PATH; this is ${process.versions.node}.`);
  process.exit(1);
}
const { main } = await import("./main.ts");
await main(process.argv.slice(2));

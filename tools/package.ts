import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";

const REPOSITORY = join(import.meta.dirname, "..");
const PROVIDER = join(REPOSITORY, "provider");

interface Manifest extends Record<string, unknown> {
  version: string;
  exports: Record<string, string>;
}

/**
 * The provider as it is published: Node does not strip types below node_modules, so an installed package needs compiled
 * files. Built in a folder of its own, because npm cannot rewrite `exports` while it packs, and the checkout runs from
 * source.
 */
export async function buildPackage(into = join(PROVIDER, "dist"), version?: string): Promise<string> {
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true });
  const options = { cwd: REPOSITORY, preferLocal: true };
  await execa("tsc", ["-p", join(PROVIDER, "tsconfig.build.json"), "--outDir", into], options);
  const manifest = JSON.parse(readFileSync(join(PROVIDER, "package.json"), "utf8")) as Manifest;
  writeFileSync(join(into, "package.json"), JSON.stringify(published(manifest, version), null, 2));
  cpSync(join(PROVIDER, "README.md"), join(into, "README.md"));
  return into;
}

function published({ scripts, devDependencies, ...manifest }: Manifest, version = manifest.version): object {
  const entries = Object.entries(manifest.exports).map(([name, file]) => [name, compiled(file)]);
  const exports = Object.fromEntries(entries) as Record<string, Compiled>;
  // `main` and `types` are for compilers that do not read `exports` yet.
  return { ...manifest, version, main: exports["."]?.default, types: exports["."]?.types, exports };
}

interface Compiled {
  types?: string;
  default: string;
}

function compiled(file: string): Compiled {
  return file.endsWith(".ts")
    ? { types: file.replace(/\.ts$/, ".d.ts"), default: file.replace(/\.ts$/, ".js") }
    : { default: file };
}

/** The tarball of a built package, in the same folder. */
export async function packTarball(folder: string): Promise<string> {
  const { stdout } = await execa("npm", ["pack", "--json", "--pack-destination", folder], { cwd: folder });
  const [packed] = JSON.parse(stdout) as [{ filename: string }];
  return join(folder, packed.filename);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  console.log(await packTarball(await buildPackage()));
}

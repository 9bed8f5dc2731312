import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { execa, execaSync } from "execa";
import fc from "fast-check";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { LISTING_OPTIONS } from "../../../provider/api/assumptions.ts";
import { type DiskFile, parseListing } from "../../../provider/copy-out/listing.ts";

const byPath = (files: readonly DiskFile[]) => files.toSorted((a, b) => (a.path < b.path ? -1 : 1));

/** As GNU ls writes a name with `--quoting-style=c`: everything outside printable ASCII as octal bytes. */
function quoted(name: string): string {
  const escapes: Record<number, string> = {
    7: "\\a",
    8: "\\b",
    9: "\\t",
    10: "\\n",
    11: "\\v",
    12: "\\f",
    13: "\\r",
    34: '\\"',
    92: "\\\\",
  };
  const bytes = [...Buffer.from(name)].map((byte) => {
    const simple = escapes[byte];
    if (simple !== undefined) return simple;
    return byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, "0")}`;
  });
  return `"${bytes.join("")}"`;
}

const blocksOf = (file: DiskFile) => Math.ceil(file.sizeBytes / 4096) * 4;

/** Renders files as `ls -lsARn` does: one block a folder, folders in them as entries. */
function render(root: string, files: readonly DiskFile[]): string {
  const folders = new Set([""]);
  for (const { path } of files)
    for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) folders.add(folder);
  const parentOf = (path: string) => (dirname(path) === "." ? "" : dirname(path));
  const baseOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  return [...folders]
    .map((folder) => {
      const own = files.filter((file) => parentOf(file.path) === folder);
      const below = [...folders].filter((path) => path !== "" && parentOf(path) === folder);
      const lines = [
        ...below.map((path) => `4 drwxr-xr-x 2 0 0 4096 1700000000 ${quoted(baseOf(path))}`),
        ...own.map(
          (file) => `${blocksOf(file)} -rw-r--r-- 1 0 0 ${file.sizeBytes} ${file.mtimeS} ${quoted(baseOf(file.path))}`,
        ),
      ];
      const header = folder === "" ? root : `${root}/${folder}`;
      const total = below.length * 4 + own.reduce((sum, file) => sum + blocksOf(file), 0);
      return [`${quoted(header)}:`, `total ${total}`, ...lines, ""].join("\n");
    })
    .join("\n");
}

describe("a listing as GNU ls writes it", () => {
  test("is read back whole, whatever the files are called", () => {
    const name = fc
      .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
      .map((text) => text.replaceAll(/[/\0]/g, "_"))
      .filter((text) => text !== "." && text !== ".." && Buffer.from(text).toString() === text);
    const file = fc.record({
      path: fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
      sizeBytes: fc.nat(),
      mtimeS: fc.nat({ max: 4_000_000_000 }),
    });
    const files = fc
      .uniqueArray(file, { selector: ({ path }) => path, maxLength: 12 })
      // A file cannot be a folder of another.
      .map((all) => all.filter(({ path }) => !all.some((other) => other.path.startsWith(`${path}/`))));
    fc.assert(
      fc.property(files, fc.constantFrom("/workspace/out", "/a b/ü"), (expected, root) => {
        const listing = parseListing(root, render(root, expected));
        expect(listing).toMatchObject({ root, exists: true, skipped: [] });
        expect(byPath(listing.files)).toEqual(byPath(expected));
      }),
    );
  });

  test("of a folder that the host keeps elsewhere is relative to that folder", () => {
    const text = render("/var/lib/docker/overlay2/abc/workspace/out", [{ path: "a/b.pt", sizeBytes: 3, mtimeS: 7 }]);
    expect(parseListing("/workspace/out", text).files).toEqual([{ path: "a/b.pt", sizeBytes: 3, mtimeS: 7 }]);
  });

  test("with a header that needs no quotes is understood", () => {
    const text = '/workspace/out:\ntotal 4\n4 -rw-r--r-- 1 0 0 3 7 "a.pt"\n';
    expect(parseListing("/workspace/out", text).files).toEqual([{ path: "a.pt", sizeBytes: 3, mtimeS: 7 }]);
  });

  test.for<[string, string]>([
    ["a truncated line", '"/w":\ntotal 4\n4 -rw-r--r-- 1 0 0 3 7 "a.pt"\n4 -rw-r--r-- 1 0 0 1'],
    [
      "a folder that could not be read",
      `"/w":\ntotal 4\n4 drwx------ 2 0 0 40 7 "s"\nls: cannot open directory '/w/s': Permission denied`,
    ],
    ["a file that could not be looked at", '"/w":\ntotal 4\n? -????????? ? ? ? ? ? "a.pt"'],
    ["a name that breaks off", '"/w":\ntotal 4\n4 -rw-r--r-- 1 0 0 3 7 "a.p'],
    ["a name without quotes", '"/w":\ntotal 4\n4 -rw-r--r-- 1 0 0 3 7 a.pt'],
    ["nothing at all", ""],
    ["a message of the service", "Invalid command given."],
    ["a page", "<html>504</html>"],
    ["a single file instead of a folder", '4 -rw-r--r-- 1 0 0 3 7 "/w/a.pt"'],
  ])("that holds %s is an error, since what is overlooked is destroyed", ([, text]) => {
    expect(() => parseListing("/w", text)).toThrow(/has a line that is not understood/);
  });

  test("that was cut short after any line is an error, although every line of it is understood", () => {
    const files = ["a.pt", "b.pt", "deep/c.pt", "deep/er/d.pt", "other/e.pt"].map((path) => ({
      path,
      sizeBytes: 5,
      mtimeS: 7,
    }));
    const lines = render("/w", files).trimEnd().split("\n");
    expect(parseListing("/w", lines.join("\n")).files).toHaveLength(5);
    for (let kept = 1; kept < lines.length; kept += 1) {
      // The rendering ends a folder with an empty line: nothing is lost with that alone.
      if (lines.slice(kept).every((line) => line === "")) continue;
      expect(() => parseListing("/w", `${lines.slice(0, kept).join("\n")}\n`)).toThrow(/is cut short/);
    }
  });

  test("says that the folder is missing only when that is all it says", () => {
    expect(parseListing("/w", "ls: cannot access '/w': No such file or directory\n")).toMatchObject({
      exists: false,
      files: [],
    });
    expect(parseListing("/w", `ls: cannot access "/w": No such file or directory\n`).exists).toBe(false);
  });

  test("is not taken for a missing folder because one entry of it could not be found", () => {
    const text = `ls: cannot access '/w/mnt': No such file or directory\n"/w":\ntotal 4\n4 -rw-r--r-- 1 0 0 3 7 "best.pt"\n`;
    expect(() => parseListing("/w", text)).toThrow(/not understood/);
    expect(() => parseListing("/w", "ls: cannot access '/w/mnt': No such file or directory")).toThrow(/not understood/);
  });

  test("keeps files from before 1970", () => {
    expect(parseListing("/w", '"/w":\ntotal 4\n4 -rw-r--r-- 1 0 0 3 -86400 "old"\n').files[0]?.mtimeS).toBe(-86_400);
  });
});

describe("what the real ls prints", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "listing-"));
    onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  });
  const list = async (folder = root) => {
    const { stdout } = await execa("/bin/ls", [...LISTING_OPTIONS.split(" "), folder], { env: { LC_ALL: "C" } });
    return parseListing(folder, stdout);
  };

  test("is the same as what the file system says, for odd names, sizes and times", async () => {
    const names = [
      "plain.pt",
      "with blank.pt",
      " leading and trailing ",
      "new\nline",
      "tab\tand\rreturn",
      "quote\"s'",
      "back\\slash\\n",
      "snö-日本-🚀.ckpt",
      "-starts-with-dash",
      "$HOME`id`*?[a]",
      "ends with colon:",
      "total 12",
      ".hidden",
      "deep/er/and deeper/ünder.bin",
      "deep/new\nline/x",
    ];
    names.forEach((name, index) => {
      const path = join(root, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, "x".repeat(index * 1000));
      utimesSync(path, 1_600_000_000 + index, 1_500_000_000 + index * 86_400 + 0.75);
    });
    mkdirSync(join(root, "empty"));

    const listing = await list();

    const expected = names.map((path) => {
      const { size, mtimeMs } = statSync(join(root, path));
      return { path, sizeBytes: size, mtimeS: Math.floor(mtimeMs / 1000) };
    });
    expect(byPath(listing.files)).toEqual(byPath(expected));
    expect(listing.skipped).toEqual([]);
  });

  test("tells links and pipes from files, whose content has to be copied", async () => {
    writeFileSync(join(root, "real.pt"), "12345");
    linkSync(join(root, "real.pt"), join(root, "hard.pt"));
    symlinkSync("real.pt", join(root, 'soft" -> "x'));
    symlinkSync("nowhere", join(root, "dangling"));
    execaSync("mkfifo", [join(root, "pipe")]);
    chmodSync(join(root, "real.pt"), 0o4755);

    const listing = await list();

    expect(listing.files.map(({ path, sizeBytes }) => [path, sizeBytes]).toSorted()).toEqual([
      ["hard.pt", 5],
      ["real.pt", 5],
    ]);
    expect(listing.skipped.toSorted()).toEqual(["dangling", "pipe", 'soft" -> "x']);
  });

  test("of a folder that is a link says so, and where the results really are", async () => {
    const real = join(root, 'on "disk" 2');
    mkdirSync(real);
    writeFileSync(join(real, "model.pt"), "weights");
    symlinkSync(real, join(root, "out"));
    await expect(list(join(root, "out"))).rejects.toMatchObject({
      code: "blocked",
      message: expect.stringContaining(`out is a link to ${real}, and the copy tool passes over links`) as string,
    });
  });

  test("of an empty folder is an empty listing of a folder that exists", async () => {
    expect(await list()).toEqual({ root, exists: true, files: [], skipped: [] });
  });

  test("of a missing folder says so", async () => {
    const { stderr } = await execa("/bin/ls", [...LISTING_OPTIONS.split(" "), `${root}/none`], {
      reject: false,
      env: { LC_ALL: "C" },
    });
    expect(parseListing(`${root}/none`, stderr)).toMatchObject({ exists: false, files: [] });
  });
});

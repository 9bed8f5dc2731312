import { describe, expect, test } from "vitest";
import type { Bucket, StoredObject } from "../../../provider/copy-out/bucket.ts";
import { differences, keyPrefix, skippedMatches, unmatchedPatterns } from "../../../provider/copy-out/compare.ts";
import type { DiskFile, DiskListing } from "../../../provider/copy-out/listing.ts";

const file = (path: string, sizeBytes = 10, mtimeS = 1000): DiskFile => ({ path, sizeBytes, mtimeS });
const listing = (...files: DiskFile[]): DiskListing => ({ root: "/workspace/out", exists: true, files, skipped: [] });

/** A bucket with these objects; `asked` are the keys whose times were read. */
function bucketOf(objects: readonly (StoredObject & { mtime?: number })[]) {
  const asked: string[] = [];
  const bucket: Pick<Bucket, "list" | "mtimes"> = {
    list: async (prefix) => objects.filter(({ key }) => key.startsWith(prefix)),
    mtimes: async (keys) => {
      asked.push(...keys);
      return new Map(keys.map((key) => [key, objects.find((object) => object.key === key)?.mtime]));
    },
  };
  return { bucket: bucket as Bucket, asked };
}

describe("the key prefix of a copy", () => {
  test.for<[string, number, string, string]>([
    ["runs", 7, "/workspace/out", "runs/7/workspace/out"],
    ["runs/", 7, "/workspace/out/", "runs/7/workspace/out"],
    ["", 7, "/workspace/out", "7/workspace/out"],
    ["a/b", 7, "", "a/b/7"],
  ])("of %s, contract %i and folder %s is %s", ([prefix, id, path, expected]) => {
    expect(keyPrefix(prefix, id, path)).toBe(expected);
  });

  test("differs for every contract, so that an older run's objects never pass for a new one's", () => {
    expect(keyPrefix("runs", 7, "/out")).not.toBe(keyPrefix("runs", 8, "/out"));
  });
});

describe("the two sides of a copy", () => {
  const at = (path: string, sizeBytes = 10, mtime?: number) => ({
    key: `runs/7/out/${path}`,
    sizeBytes,
    ...(mtime === undefined ? {} : { mtime }),
  });
  const compare = (objects: Parameters<typeof bucketOf>[0], files: DiskListing) =>
    differences(bucketOf(objects).bucket, "runs/7/out", files);

  test("agree when every file is there with its size and time, whatever else is", async () => {
    const objects = [
      at("a.pt", 10, 1000.75),
      at("sub/b.pt", 0, 1000),
      at("older.pt"),
      { key: "runs/6/out/a.pt", sizeBytes: 1 },
    ];
    expect(await compare(objects, listing(file("a.pt"), file("sub/b.pt", 0)))).toEqual([]);
  });

  test("agree when the copy tool kept no time", async () => {
    expect(await compare([at("a.pt")], listing(file("a.pt")))).toEqual([]);
  });

  test.for<[string, Parameters<typeof bucketOf>[0], RegExp]>([
    ["a file is missing", [], /is not in the bucket/],
    [
      "a file is there under another contract only",
      [{ key: "runs/70/out/a.pt", sizeBytes: 10 }],
      /is not in the bucket/,
    ],
    ["a file was cut short", [at("a.pt", 9)], /has 10 bytes, its copy 9/],
    [
      "a copy is of an older version",
      [at("a.pt", 10, 940)],
      /the copy is of 1970-01-01T00:15:40.000Z, the file of 1970/,
    ],
  ])("differ when %s", async ([, objects, why]) => {
    const found = await compare(objects, listing(file("a.pt")));
    expect(found).toEqual([{ path: "/workspace/out/a.pt", why: expect.stringMatching(why) as string }]);
  });

  test("cost no request a file while sizes already differ", async () => {
    const { bucket, asked } = bucketOf([at("a.pt", 9), at("b.pt")]);
    await differences(bucket, "runs/7/out", listing(file("a.pt"), file("b.pt")));
    expect(asked).toEqual([]);
  });
});

describe("required patterns", () => {
  const files = [listing(file("run1/model.pt"), file("run1/log.txt"), file(".hidden/best.safetensors"))];

  test.for<[string, boolean]>([
    ["*.pt", true],
    ["model.pt", true],
    ["run1/*.pt", true],
    ["**/*.safetensors", true],
    ["*.safetensors", true],
    ["*.{pt,ckpt}", true],
    ["*.ckpt", false],
    ["run2/*.pt", false],
    ["model", false],
  ])("%s is met: %s", ([pattern, met]) => {
    expect(unmatchedPatterns([pattern], files)).toEqual(met ? [] : [pattern]);
  });

  test("are met by any of the folders, and all have to be", () => {
    expect(unmatchedPatterns(["*.pt", "*.csv"], [...files, listing(file("metrics.csv"))])).toEqual([]);
    expect(unmatchedPatterns(["*.pt", "*.csv"], files)).toEqual(["*.csv"]);
  });

  test("are not met by links, which are named so that it can be said why", () => {
    const links = [{ ...listing(file("a.txt")), skipped: ["latest.pt", "run 1/last.pt", "sock"] }];
    expect(unmatchedPatterns(["*.pt"], links)).toEqual(["*.pt"]);
    expect(skippedMatches("*.pt", links)).toEqual(["/workspace/out/latest.pt", "/workspace/out/run 1/last.pt"]);
    expect(skippedMatches("*.csv", links)).toEqual([]);
  });

  test("are not met by an empty disk", () => {
    expect(unmatchedPatterns(["*"], [listing()])).toEqual(["*"]);
  });
});

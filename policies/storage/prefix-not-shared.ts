import { z } from "zod";
import { defineRule, type Known, type Problem, type UNKNOWN } from "../rule.ts";
import type { Stack } from "../stack.ts";

interface Place {
  bucket: string;
  prefix: string;
}

interface Use {
  by: string;
  urn?: string;
  place: Place;
}

export const prefixNotShared = defineRule({
  name: "prefix-not-shared",
  pack: "storage",
  description: "Every fleet copies to a prefix of its own.",
  why: "one fleet's checkpoint passes for the other's, and a clean-up of one deletes both",
  source: "VAST2; design, storage and its order",
  level: "mandatory",
  config: z.strictObject({}),
  *stack(stack, _, known) {
    yield* shared(targets(stack, known), overlap);
    // Fleets whose targets overlap are found by the targets: these were given one target between them.
    yield* shared(fleets(stack, known), same);
  },
});

function* shared(uses: readonly Use[], collide: (a: Place, b: Place) => boolean): Iterable<Problem> {
  // The engine registers side by side: by name, each run reports the same of two.
  const named = uses.toSorted((a, b) => a.by.localeCompare(b.by));
  for (const [index, { by, urn, place }] of named.entries()) {
    const other = named.slice(0, index).find((earlier) => collide(earlier.place, place));
    if (other === undefined) continue;
    yield {
      subject: by,
      urn,
      message: `${by}: it copies to ${url(place)}, and ${other.by} to ${url(other.place)}. Give each a prefix of its own.`,
    };
  }
}

function targets(stack: Stack, known: Known): Use[] {
  return stack.all("target").flatMap(({ name, urn, inputs }) => {
    const place = known(() => placeOf(inputs));
    return isPlace(place) ? [{ by: name, urn, place }] : [];
  });
}

/** One use for each fleet and place, however many workers it has. */
function fleets(stack: Stack, known: Known): Use[] {
  const uses = stack.all("instance").flatMap(({ fleet, inputs }) => {
    const place = known(() => placeOf(inputs.copyOut?.target ?? {}));
    return fleet !== undefined && isPlace(place) ? [{ by: fleet, place }] : [];
  });
  return [...new Map(uses.map((use) => [`${use.by} ${url(use.place)}`, use])).values()];
}

interface MaybePlace {
  readonly bucket?: string | undefined;
  readonly prefix?: string | undefined;
}

function placeOf({ bucket, prefix = "" }: MaybePlace): Place | undefined {
  return bucket === undefined ? undefined : { bucket, prefix };
}

function isPlace(place: Place | undefined | typeof UNKNOWN): place is Place {
  return typeof place === "object";
}

/** The same prefix, or one inside the other: `results` holds `results/a`, not `results-a`. */
function overlap(a: Place, b: Place): boolean {
  const [one, other] = [folder(a.prefix), folder(b.prefix)];
  return a.bucket === b.bucket && (one.startsWith(other) || other.startsWith(one));
}

function folder(prefix: string): string {
  return prefix === "" ? "" : `${prefix.replace(/\/+$/, "")}/`;
}

function same(a: Place, b: Place): boolean {
  return url(a) === url(b);
}

function url({ bucket, prefix }: Place): string {
  return `s3://${bucket}/${prefix}`;
}

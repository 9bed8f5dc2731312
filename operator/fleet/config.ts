import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lock } from "proper-lockfile";
import { VastError } from "pulumi-vast/internal/api/errors";
import { type Document, parseDocument } from "yaml";
import { z } from "zod";

/** A fleet as the stack config has it (docs/stack.md); encrypted values are left as they are. */
const fleetSchema = z.looseObject({
  profile: z.string().optional(),
  workers: z.int().min(0),
  /** Numbers that are left out. */
  absent: z.array(z.int()).default([]),
  /** Middle part of the workers' names. */
  worker: z.string().default("worker"),
  with: z.record(z.string(), z.unknown()).default({}),
  overrides: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
});
export type FleetEntry = z.infer<typeof fleetSchema>;

/** One value of one fleet; undefined takes it out. */
export interface FleetEdit {
  fleet: string;
  /** E.g. `["workers"]`, `["with", "offer", "gpu"]`, `["overrides", "2", "state"]`. */
  path: readonly string[];
  value: unknown;
}

/**
 * `<project>:fleets` in the stack's config file. It is the file that is edited, since `pulumi config set` would write
 * numbers with fractions as text, and whole objects with their secrets in clear: comments and whatever is not named by an
 * edit stay as they are.
 */
export interface FleetsConfig {
  read(): Record<string, FleetEntry>;
  /** Makes all edits or none; the answer takes those back that nobody has changed since. */
  change(edits: readonly FleetEdit[]): Promise<Undo>;
  /** A copy of the stack's config file with the edits, for a preview: the file itself stays as it is. */
  draft(edits: readonly FleetEdit[]): Draft;
}
export interface Draft extends Disposable {
  file: string;
}
export type Undo = () => Promise<void>;

export function fleetsConfig(place: { folder: string; stack: string; project: string }): FleetsConfig {
  const names = ["yaml", "yml"].map((ending) => join(place.folder, `Pulumi.${place.stack}.${ending}`));
  const file = names.find((name) => existsSync(name)) ?? names[0] ?? "";
  const key = `${place.project}:fleets`;

  const load = () => {
    const document = parseDocument(existsSync(file) ? readFileSync(file, "utf8") : "");
    const [error] = document.errors;
    if (error) throw unreadable(file, error.message);
    return asMap(document, key, file);
  };
  const edit = async <T>(work: (fleets: Fleets) => T): Promise<T> => {
    const release = await lock(file, { realpath: false, retries: { retries: 50, minTimeout: 20, maxTimeout: 200 } });
    try {
      const fleets = load();
      const result = work(fleets);
      writeFileSync(`${file}.tmp`, fleets.text());
      renameSync(`${file}.tmp`, file);
      return result;
    } finally {
      await release();
    }
  };
  return {
    read: () => {
      const parsed = z.record(z.string(), fleetSchema).safeParse(load().value() ?? {});
      if (parsed.success) return parsed.data;
      throw unreadable(file, `${key}\n${z.prettifyError(parsed.error)}`);
    },
    change: async (edits) => {
      const before = await edit((fleets) => {
        const old = edits.map(({ fleet, path }) => fleets.get([fleet, ...path]));
        for (const { fleet, path, value } of edits) fleets.set([fleet, ...path], value);
        return old;
      });
      return () =>
        edit((fleets) => {
          edits.forEach(({ fleet, path, value }, index) => {
            const untouched = JSON.stringify(fleets.get([fleet, ...path])) === JSON.stringify(value);
            if (untouched) fleets.set([fleet, ...path], before[index]);
          });
        });
    },
    draft: (edits) => {
      const fleets = load();
      for (const { fleet, path, value } of edits) fleets.set([fleet, ...path], value);
      const folder = mkdtempSync(join(tmpdir(), "vast-fleet-"));
      const copy = join(folder, `Pulumi.${place.stack}.yaml`);
      writeFileSync(copy, fleets.text(), { mode: 0o600 });
      return { file: copy, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
    },
  };
}

interface Fleets {
  value(): unknown;
  get(path: readonly string[]): unknown;
  set(path: readonly string[], value: unknown): void;
  text(): string;
}

/** The value may be written as YAML, or, by `pulumi config set`, as a text that holds JSON. */
function asMap(document: Document, key: string, file: string): Fleets {
  const root = ["config", key];
  const raw = document.getIn(root);
  if (typeof raw === "string") {
    const inner = parseDocument(raw);
    if (inner.errors.length > 0) throw unreadable(file, `${key} is a text that is no JSON`);
    return {
      ...editor(inner, []),
      text: () => {
        document.setIn(root, JSON.stringify(inner.toJS()));
        return document.toString({ lineWidth: 0 });
      },
    };
  }
  return { ...editor(document, root), text: () => document.toString({ lineWidth: 0 }) };
}

function editor(document: Document, root: readonly string[]): Omit<Fleets, "text"> {
  const plain = (path: readonly string[]): unknown => {
    let value: unknown = document.toJS();
    for (const step of [...root, ...path]) value = (value as Record<string, unknown> | null | undefined)?.[step];
    return value ?? undefined;
  };
  return {
    value: () => plain([]),
    get: plain,
    set: (path, value) => {
      if (value !== undefined) document.setIn([...root, ...path], document.createNode(value));
      else takeOut(document, root, path, plain);
    },
  };
}

/** With what is left empty by it: the fleet itself stays. */
function takeOut(
  document: Document,
  root: readonly string[],
  path: readonly string[],
  plain: (path: readonly string[]) => unknown,
): void {
  if (plain(path) === undefined) return;
  document.deleteIn([...root, ...path]);
  const above = path.slice(0, -1);
  const left = plain(above);
  if (above.length > 1 && left && Object.keys(left).length === 0) takeOut(document, root, above, plain);
}

function unreadable(file: string, why: string): VastError {
  return new VastError("config", `${file}: ${why}`, { fix: "put the file right; nothing was changed" });
}

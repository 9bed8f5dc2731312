import { createHash, randomBytes } from "node:crypto";
import type { Aws } from "./aws.ts";
import { isProps, type Props } from "./wire.ts";

/** One resource type. What is the same for all of them (check, names, diff, previews) is in this file. */
export interface ResourceType {
  readonly token: string;
  /** The inputs it understands; any other is refused, so that nothing is ignored in silence. "any" takes all. */
  readonly inputs: readonly string[] | "any";
  readonly replaceOn: readonly string[];
  /** Gets a name made from the resource's when the program gives neither this nor the prefix. */
  readonly autoName?: AutoName;
  readonly defaults?: Props;
  /** Inputs that hold a JSON document: an object is accepted, and only the meaning is compared. */
  readonly documents?: readonly string[];
  create(aws: Aws, inputs: Props): Promise<{ id: string; outputs: Props }>;
  /** Undefined: it is gone. `inputs` is empty for an import. */
  read(aws: Aws, id: string, state: Props, inputs: Props): Promise<{ outputs: Props; inputs: Props } | undefined>;
  /** Not there: every change replaces. */
  update?(aws: Aws, id: string, state: Props, inputs: Props): Promise<Props>;
  delete(aws: Aws, id: string, state: Props): Promise<void>;
}

interface AutoName {
  readonly property: string;
  readonly prefix?: string;
  readonly maxLength: number;
  readonly lowercase?: boolean;
  /** The resource's name as it is: what is named lives inside something that has a name of its own. */
  readonly verbatim?: boolean;
}

export interface CheckFailure {
  readonly property: string;
  readonly reason: string;
}

/** Where the bridge of the real plugin, too, keeps which inputs it filled in itself. */
const DEFAULTS = "__defaults";
const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export function check(type: ResourceType, resourceName: string, olds: Props, news: Props, seed: Uint8Array) {
  const inputs: Props = Object.fromEntries(Object.entries(news).filter(([, value]) => value !== null));
  const failures: CheckFailure[] = [];
  for (const property of Object.keys(inputs)) {
    if (type.inputs !== "any" && property !== DEFAULTS && !type.inputs.includes(property)) {
      failures.push({
        property,
        reason: `${type.token} has no "${property}" in the local AWS stand-in (tools/aws-local).`,
      });
    }
  }
  for (const property of type.documents ?? []) {
    if (isProps(inputs[property])) inputs[property] = JSON.stringify(inputs[property]);
  }
  const filledIn: string[] = [];
  for (const [property, value] of Object.entries(type.defaults ?? {})) {
    if (inputs[property] !== undefined) continue;
    inputs[property] = value;
    filledIn.push(property);
  }
  const named = type.autoName;
  if (named && inputs[named.property] === undefined && inputs[named.prefix ?? ""] === undefined) {
    const before = isFilledIn(olds, named.property) ? olds[named.property] : undefined;
    inputs[named.property] = before ?? generatedName(named, resourceName, seed);
    filledIn.push(named.property);
  }
  inputs[DEFAULTS] = filledIn;
  return { inputs, failures };
}

/** `<resource>-<7 hex>`, as the real plugin: the engine's seed makes the update choose what the preview showed. */
function generatedName({ maxLength, lowercase, verbatim }: AutoName, resourceName: string, seed: Uint8Array): string {
  if (verbatim) return resourceName.slice(0, maxLength);
  const random = seed.length > 0 ? createHash("sha256").update(seed).digest() : randomBytes(8);
  const name = `${resourceName.slice(0, maxLength - 8)}-${random.toString("hex").slice(0, 7)}`;
  return lowercase ? name.toLowerCase() : name;
}

/** For a name prefix: time and chance, like the real plugin's unique suffix. */
export function uniqueName(prefix: unknown): string {
  return `${prefix}${Date.now()}${randomBytes(6).toString("hex")}`;
}

export function diff(type: ResourceType, olds: Props, news: Props) {
  const properties = new Set([...Object.keys(olds), ...Object.keys(news)]);
  properties.delete(DEFAULTS);
  const changed = [...properties].filter((property) => !same(type, property, olds[property], news[property]));
  const replaces = changed.filter((property) => !type.update || type.replaceOn.includes(property));
  const name = type.autoName?.property;
  // Two of one name cannot exist side by side; with a generated name the successor gets another.
  const keepsName = name !== undefined && olds[name] === news[name] && !isFilledIn(news, name);
  return { changed, replaces, deleteBeforeReplace: replaces.length > 0 && keepsName };
}

function isFilledIn(inputs: Props, property: string): boolean {
  const filledIn = inputs[DEFAULTS];
  return Array.isArray(filledIn) && filledIn.includes(property);
}

function same(type: ResourceType, property: string, before: unknown, after: unknown): boolean {
  if (type.documents?.includes(property)) return canonical(document(before)) === canonical(document(after));
  return canonical(before) === canonical(after);
}

function document(value: unknown): unknown {
  if (typeof value !== "string" || value === UNKNOWN) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** JSON with sorted keys; an empty tag list is no tag list. */
function canonical(value: unknown): string {
  const sorted = (inner: unknown): unknown =>
    isProps(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner;
  const isEmpty = value === undefined || value === null || (isProps(value) && Object.keys(value).length === 0);
  return isEmpty ? "" : JSON.stringify(value, (_key, inner) => sorted(inner));
}

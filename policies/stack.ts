import { FLEET_TYPE, type Kind, kindOf, type Resources } from "./resources.ts";

/** One resource among those of its stack. */
export interface Standing<Inputs> {
  name: string;
  urn: string;
  fleet: string | undefined;
  /** The inputs; of what exists, the outputs as well. */
  inputs: Inputs;
  /** URNs of the resources that it is made from. */
  uses: ReadonlySet<string>;
}

/** A resource as Pulumi hands it to stack policies, and the other way as a resource policy sees one. */
export interface PolicyView {
  type: string;
  name: string;
  urn: string;
  props: Record<string, unknown>;
  opts: { parent?: string };
  parent?: { urn: string };
  dependencies?: readonly { urn: string }[];
}

/** The resources that rules are about, by kind. */
export class Stack {
  readonly #byKind = new Map<Kind, Map<string, Standing<unknown>>>();

  constructor(resources: Iterable<PolicyView> = []) {
    for (const resource of resources) this.add(resource);
  }

  /** A resource that is judged twice counts once. */
  add(resource: PolicyView): void {
    const kind = kindOf(resource.type);
    if (kind === undefined) return;
    const standing = {
      name: resource.name,
      urn: resource.urn,
      fleet: fleetOf(resource.parent?.urn ?? resource.opts.parent),
      inputs: resource.props,
      uses: new Set(resource.dependencies?.map((used) => used.urn)),
    };
    const ofKind = this.#byKind.get(kind) ?? new Map<string, Standing<unknown>>();
    this.#byKind.set(kind, ofKind.set(resource.urn, standing));
  }

  all<K extends Kind>(kind: K): readonly Standing<Resources[K]>[] {
    return [...(this.#byKind.get(kind)?.values() ?? [])] as Standing<Resources[K]>[];
  }
}

/** `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>` */
export function fleetOf(parentUrn: string | undefined): string | undefined {
  const [, , types = "", name] = parentUrn?.split("::") ?? [];
  return types.split("$").at(-1) === FLEET_TYPE ? name : undefined;
}

import { FLEET_TYPE, type Kind, type Resources, TOKENS } from "./resources.ts";

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

/** The resources of a stack, for rules to ask for by kind. */
export class Stack {
  readonly #byType = new Map<string, Map<string, Standing<unknown>>>();

  static of(resources: Iterable<PolicyView>): Stack {
    const stack = new Stack();
    for (const resource of resources) stack.add(resource);
    return stack;
  }

  /** A resource that is judged twice counts once. */
  add(resource: PolicyView): void {
    const standing = {
      name: resource.name,
      urn: resource.urn,
      fleet: fleetOf(resource.parent?.urn ?? resource.opts.parent),
      inputs: resource.props,
      uses: new Set(resource.dependencies?.map((used) => used.urn)),
    };
    const ofType = this.#byType.get(resource.type) ?? new Map<string, Standing<unknown>>();
    this.#byType.set(resource.type, ofType.set(resource.urn, standing));
  }

  all<K extends Kind>(kind: K): readonly Standing<Resources[K]>[] {
    const found = TOKENS[kind].flatMap((type) => [...(this.#byType.get(type)?.values() ?? [])]);
    return found as Standing<Resources[K]>[];
  }
}

/** `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>` */
export function fleetOf(parentUrn: string | undefined): string | undefined {
  if (parentUrn === undefined) return undefined;
  const [, , types, name] = parentUrn.split("::");
  return types?.split("$").at(-1) === FLEET_TYPE ? name : undefined;
}

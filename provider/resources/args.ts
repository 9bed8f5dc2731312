import * as pulumi from "@pulumi/pulumi";
import { VastError } from "../api/errors.ts";
import { makeMark } from "../lifecycle/mark.ts";

/** Inputs as a program may give them: at any depth plain, or known only later. */
export type Inputs<T> = pulumi.Input<
  T extends readonly (infer Item)[] ? Inputs<Item>[] : T extends object ? { [Key in keyof T]: Inputs<T[Key]> } : T
>;
export type InputsOf<T> = { [Key in keyof T]: Inputs<T[Key]> };

const marks = new Map<string, string>();

/** The mark of a resource of this stack. Two resources with one mark would each take the other's contract for its own. */
export function stackMark(type: string, name: string): string {
  const owner = new pulumi.Config("vast").get("owner");
  if (!owner) {
    throw new VastError(
      "config",
      "the stack has no owner id, by which its contracts are told from those of other stacks on the same account",
      {
        fix: "run once for this stack: pulumi config set vast:owner $(openssl rand -hex 8)",
      },
    );
  }
  const mark = makeMark({ project: pulumi.getProject(), stack: pulumi.getStack(), owner, name: `${type}/${name}` });
  if (marks.has(mark))
    throw new VastError(
      "config",
      `two resources of type ${type} are named "${name}": contracts are told apart by name, so names must be unique in a stack`,
    );
  marks.set(mark, name);
  return mark;
}

import { readConfig } from "pulumi-vast/internal/config";
import { type Context, createContext } from "pulumi-vast/internal/context";
import type { OperatorStack } from "./stack.ts";

/** The provider's own way to the service, with the stack's own settings: so that both see, and pace, the same. */
export function contextOf(stack: OperatorStack, log: (line: string) => void): Context {
  return createContext(
    readConfig((key) => stack.config(key)),
    { log },
  );
}

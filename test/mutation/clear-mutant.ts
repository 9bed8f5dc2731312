import { inject } from "vitest";

declare module "vitest" {
  interface ProvidedContext {
    globalNamespace: string;
    mutantActivation: "static" | "runtime" | undefined;
  }
}

// The thread outlives a run: while modules load, the mutant of the run before must not be active.
if (inject("mutantActivation") !== "static") {
  const stryker = Reflect.get(globalThis, inject("globalNamespace"));
  if (stryker !== undefined) stryker.activeMutant = undefined;
}

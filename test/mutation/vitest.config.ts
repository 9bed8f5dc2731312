import { defineConfig } from "vitest/config";
import { keptThread } from "./kept-thread.ts";

/** The unit tests of the packs, as the mutation run starts them once for each mutant. */
export default defineConfig({
  test: { include: ["test/unit/policies/**/*.test.ts"], setupFiles: ["test/mutation/clear-mutant.ts"] },
  plugins: [
    {
      name: "kept-thread",
      // Stryker names one of vitest's own pools, which would win over one that is configured here.
      configureVitest: ({ project }) => {
        project.config.pool = keptThread.name as typeof project.config.pool;
        project.config.poolRunner = keptThread;
      },
    },
  ],
});

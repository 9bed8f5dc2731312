import type { Justified } from "./verdict.ts";

/** Mutants that no test can tell from the code, each with why the code is not written without it. */
export const justified: readonly Justified[] = [
  {
    file: "policies/safety/image-cuda.ts",
    code: "return imageCuda ?? (image === undefined ? undefined : cudaOfImage(image));",
    original: "image === undefined",
    replacement: "false",
    reason: "cudaOfImage finds no CUDA in undefined either; the types do not let it be asked",
  },
  {
    file: "policies/policy.ts",
    code: 'const { properties = {} } = z.toJSONSchema(config, { target: "draft-7", io: "input" });',
    original: '"draft-7"',
    replacement: '""',
    reason: "zod writes a draft that it does not know as draft 7, but for $schema, which is left out",
  },
];

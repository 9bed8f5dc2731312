import { hash32 } from "./random.ts";

/** What pulling an image meets. No registry is asked: the name alone decides, the same way every time. */
export type PullOutcome = { kind: "ok"; megabytes: number } | { kind: "error"; message: string };

const KNOWN_SIZES_MB: readonly [pattern: RegExp, megabytes: number][] = [
  [/alpine|busybox/, 8],
  [/ubuntu|debian/, 80],
  [/nvidia\/cuda.*-base/, 240],
  [/nvidia\/cuda.*-runtime/, 2100],
  [/nvidia\/cuda.*-devel/, 4300],
  [/pytorch\/pytorch/, 5600],
  [/vastai\/base-image/, 5200],
  [/vastai\/pytorch/, 9100],
  [/tensorflow/, 3900],
];

/**
 * Names that contain `does-not-exist` have no manifest; a repository path with `private` needs an image_login.
 * The texts are those of vast-api.md 3.6 ("image missing / no access").
 */
export function pullOutcome(image: string, hasLogin: boolean): PullOutcome {
  if (/does-not-exist/.test(image)) {
    return {
      kind: "error",
      message: `Error response from daemon: manifest for ${image} not found: manifest unknown: manifest unknown`,
    };
  }
  if (/(^|\/)private[-/]/.test(image) && !hasLogin) {
    const repository = image.replace(/[:@][^/]*$/, "");
    return {
      kind: "error",
      message:
        `Error response from daemon: pull access denied for ${repository}, repository does not exist or may require ` +
        "'docker login': denied: requested access to the resource is denied",
    };
  }
  const known = KNOWN_SIZES_MB.find(([pattern]) => pattern.test(image));
  return { kind: "ok", megabytes: known ? known[1] : 1500 + (hash32(image) % 6500) };
}

/** The CUDA an image was built for, when its tag says so: "cuda:12.8.0-…", "…-cuda12.4-…", "…cu124…". */
export function imageCuda(image: string): number | null {
  const dotted = /cuda[:_-]?(\d{2})\.(\d)/i.exec(image);
  if (dotted) return Number(`${dotted[1]}.${dotted[2]}`);
  const packed = /(?:^|[^a-z])cu(\d{2})(\d)(?!\d)/i.exec(image);
  return packed ? Number(`${packed[1]}.${packed[2]}`) : null;
}

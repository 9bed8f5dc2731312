import { gzipSync } from "node:zlib";
import { ONSTART_LIMIT_BYTES } from "../api/assumptions.ts";

/** CUDA version that an image's name promises, e.g. 12.4 of `pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime`; undefined when it says none. */
export function cudaOfImage(image: string): number | undefined {
  const explicit = /cuda[-_:]?(\d{2})\.(\d)/i.exec(image) ?? /^(?:.*\/)?cuda:(\d{2})\.(\d)/i.exec(image);
  const short = explicit ?? /[-_:]cu(\d{2})(\d)(?!\d)/i.exec(image);
  return short ? Number(`${short[1]}.${short[2]}`) : undefined;
}

export interface WrappedScript {
  text: string;
  bytes: number;
  fits: boolean;
}

/** A start script as sent: as it is when it fits, else gzip and base64 around it (platform profile, VAST11 and §1). */
export function wrapOnstart(script: string): WrappedScript {
  const plainBytes = Buffer.byteLength(script);
  if (plainBytes <= ONSTART_LIMIT_BYTES) return { text: script, bytes: plainBytes, fits: true };
  const text = `echo ${gzipSync(script, { level: 9 }).toString("base64")} | base64 -d | gunzip | bash`;
  const bytes = Buffer.byteLength(text);
  return { text, bytes, fits: bytes <= ONSTART_LIMIT_BYTES };
}

/** Shapes of well-known keys, and assignments to names that promise one. The start script is stored and echoed in clear by the API (vast-api.md 3.5). */
const SECRETS: readonly [what: string, pattern: RegExp][] = [
  ["a Hugging Face token", /\bhf_[A-Za-z0-9]{20,}/],
  ["an AWS access key", /\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/],
  ["a GitHub token", /\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,})/],
  ["an OpenAI-style key", /\bsk-[A-Za-z0-9_-]{20,}/],
  ["a private key", /-----BEGIN [A-Z ]*PRIVATE KEY-----/],
  ["a tailscale key", /\btskey-[a-z]+-[A-Za-z0-9-]{10,}/],
  [
    "a value assigned to a secret's name",
    // Neither a tokenizer's name nor the shell's `${TOKEN:?message}` is one.
    /\b\w*(?:api_?key|token(?!i[sz]e)|secret|passwd|password)\w*\s*[=:]\s*["']?(?![$"'\s<{?+])[^\s"'$]{8,}/i,
  ],
];

/** What looks like a secret in a text that the service shows to others; undefined when nothing does. Never returns the secret. */
export function secretIn(text: string): string | undefined {
  return SECRETS.find(([, pattern]) => pattern.test(text))?.[0];
}

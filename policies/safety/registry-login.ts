import { z } from "zod";
import { defineRule } from "../rule.ts";

export const registryLogin = defineRule({
  name: "registry-login-in-clear",
  pack: "safety",
  description: "The login of a private registry stays secret.",
  why: "whoever reads the state, or the instance's start script, can pull and push images",
  source: "VAST11, user pain 15",
  level: "mandatory",
  config: z.strictObject({}),
  checks: {
    instance: [
      ({ image }) =>
        image?.match(/[^/@]:[^/@]+@[^/]+\//)
          ? "image holds a user and a password before its registry, which Vast.ai shows in clear; none are allowed there. Give them in imageLogin."
          : undefined,
      ({ onstart }) =>
        onstart?.match(/\bdocker login\b[^\n;&|]*\s(?:-p|--password)[\s=](?!\s*["']?\$)/)
          ? "onstart logs in to a registry with a password in clear; none is allowed there. Give the login in imageLogin, or the password in env and pipe it to --password-stdin."
          : undefined,
      ({ imageLogin }, _, { secrets }) =>
        imageLogin !== undefined && !secrets.includes("imageLogin")
          ? "imageLogin would be kept in the state in clear; it has to be secret. Declare the instance with VastInstance, or list imageLogin in additionalSecretOutputs."
          : undefined,
    ],
  },
});

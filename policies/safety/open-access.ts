import { z } from "zod";
import { defineRule } from "../rule.ts";

/** Settings of a container that take the lock off a door. */
const UNLOCKED: readonly [what: string, pattern: RegExp][] = [
  [
    "starts Jupyter without a token",
    /--?(?:NotebookApp|ServerApp|IdentityProvider)\.(?:token|password)=\s*(?:''|""|$|\s)/m,
  ],
  ["lets SSH in with an empty password", /PermitEmptyPasswords\s+yes/i],
  ["lets SSH in with a password", /PasswordAuthentication\s+yes/i],
];

/** Variables of Vast's own images that hold a token: set to nothing they ask for none. */
const TOKENS_IN_ENV = ["JUPYTER_TOKEN", "JUPYTER_PASSWORD", "OPEN_BUTTON_TOKEN"];

const SSH_PORT = /^22(\/tcp)?$/;

export const openAccess = defineRule({
  name: "open-access",
  pack: "safety",
  description: "SSH and Jupyter are open only to a key or a token.",
  why: "ports of an instance are public: whoever finds one has the machine, its data and its secrets",
  source: "VAST6, platform profile §3",
  level: "mandatory",
  config: z.strictObject({}),
  checks: {
    instance: [
      ({ onstart }) => {
        const found = UNLOCKED.find(([, pattern]) => onstart?.match(pattern));
        if (found === undefined) return undefined;
        return `onstart ${found[0]}, on a port that is public; a key or a token is needed. Remove it: keys come from sshKeys and the account, the token from Vast.ai.`;
      },
      ({ env }) => {
        const empty = TOKENS_IN_ENV.find((name) => env?.[name]?.trim() === "");
        if (empty === undefined) return undefined;
        return `env.${empty} is empty, so Jupyter asks for nothing, on a port that is public. Leave it out (Vast.ai makes a token), or set a long one.`;
      },
      ({ env }) =>
        env?.WEB_ENABLE_AUTH?.toLowerCase() === "false"
          ? "env.WEB_ENABLE_AUTH is false, so the web ports of the image ask for nothing. Leave it out."
          : undefined,
      ({ runtype, ports, sshKeys = [] }) =>
        runtype === "args" && sshKeys.length === 0 && ports?.some((port) => SSH_PORT.test(String(port)))
          ? 'ports opens 22 of the image\'s own SSH server, and sshKeys names 0 keys, at least 1 is needed. Name them, or use runtype "ssh_direct", which takes keys only.'
          : undefined,
    ],
  },
});

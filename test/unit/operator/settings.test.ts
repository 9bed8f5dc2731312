import { expect, test } from "vitest";
import { effective } from "../../../operator/settings.ts";

const settings = (config: Record<string, string>, env: Record<string, string>) =>
  Object.fromEntries(effective((key) => config[key], env).map(({ name, value, source }) => [name, [value, source]]));

test("the stack's config wins over the environment, and that over defaults", () => {
  const env = { VAST_URL: "https://env.example", VAST_SSH_KEY: "/home/me/.ssh/vast_rsa", VAST_AUTOSCALE_MAX: "6" };
  expect(settings({ "vast:apiUrl": "https://config.example" }, env)).toMatchObject({
    "API endpoint": ["https://config.example", "vast:apiUrl"],
    "SSH key": ["/home/me/.ssh/vast_rsa", "VAST_SSH_KEY"],
    "most workers": ["6", "VAST_AUTOSCALE_MAX"],
    "fewest workers": ["2", "default"],
    "price cap": [undefined, "not set"],
  });
});

test.each([
  ["config", { "vast:apiKey": "very-secret" }, {}, "vast:apiKey"],
  ["environment", {}, { VAST_API_KEY: "very-secret" }, "VAST_API_KEY"],
])("a key from the %s is named and never shown", (_, config, env, source) => {
  expect(settings(config, env)["API key"]).toEqual(["(hidden)", source]);
  expect(JSON.stringify(effective((key) => (config as Record<string, string>)[key], env))).not.toContain("very-secret");
});

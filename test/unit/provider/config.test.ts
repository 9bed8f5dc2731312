import { describe, expect, test } from "vitest";
import { readConfig } from "../../../provider/config.ts";

function config(settings: Record<string, string>, env: NodeJS.ProcessEnv = {}) {
  return readConfig((key) => settings[key], env);
}
const key = { "vast:apiKey": "the-key" };

describe("the endpoint", () => {
  test("is Vast.ai's own by default", () => {
    expect(config(key)).toMatchObject({ endpoint: "https://console.vast.ai", source: { endpoint: "default" } });
  });

  test("of the stack config beats the environment's, so that a stray VAST_URL moves nothing", () => {
    const { endpoint, source } = config(
      { ...key, "vast:apiUrl": "https://a.example" },
      { VAST_URL: "https://b.example" },
    );
    expect(endpoint).toBe("https://a.example");
    expect(source.endpoint).toBe("vast:apiUrl");
  });

  test("comes from the environment when the stack config has none, and says so", () => {
    expect(config(key, { VAST_URL: "http://127.0.0.1:8080/" })).toMatchObject({
      endpoint: "http://127.0.0.1:8080",
      source: { endpoint: "VAST_URL" },
    });
  });

  test.for(["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "http://127.1.2.3"])(
    "may be plain http on this machine: %s",
    (url) => {
      expect(config({ ...key, "vast:apiUrl": url }).endpoint).toBe(new URL(url).origin);
    },
  );

  test.for([
    "http://console.vast.ai",
    "http://10.0.0.1:8080",
    "http://127.0.0.1.example.com",
    "http://localhost.example.com",
    "http://0.0.0.0:80",
  ])("is never plain http elsewhere, which would send the key in clear: %s", (url) => {
    expect(() => config({ ...key, "vast:apiUrl": url })).toThrow(/send the API key in clear.*\n.*https/);
  });

  test("that is no URL is refused with its source", () => {
    expect(() => config(key, { VAST_URL: "console.vast.ai" })).toThrow(/VAST_URL is not a URL/);
  });
});

describe("the API key", () => {
  test("of the stack config beats the environment's", () => {
    expect(config(key, { VAST_API_KEY: "other" })).toMatchObject({
      apiKey: "the-key",
      source: { apiKey: "vast:apiKey" },
    });
  });

  test("comes from the environment otherwise", () => {
    expect(config({}, { VAST_API_KEY: "other" })).toMatchObject({
      apiKey: "other",
      source: { apiKey: "VAST_API_KEY" },
    });
  });

  test("is asked for when there is none", () => {
    expect(() => config({})).toThrow(/no Vast\.ai API key.*\n.*pulumi config set --secret vast:apiKey/);
  });

  test("appears in no message about the rest of the config", () => {
    const all: Record<string, string>[] = [{ "vast:apiUrl": "nowhere" }, { "vast:clockScale": "0" }];
    for (const bad of all) {
      expect(() => config({ ...key, ...bad })).toThrow(expect.not.stringContaining("the-key"));
    }
  });
});

describe("the clock scale", () => {
  const local = { ...key, "vast:apiUrl": "http://127.0.0.1:8080" };

  test("is that of the wall by default", () => {
    expect(config(key).clockScale).toBe(1);
    expect(config({ ...key, "vast:clockScale": "1" }).clockScale).toBe(1);
  });

  test("may run faster against a simulator on this machine", () => {
    expect(config({ ...local, "vast:clockScale": "600" }).clockScale).toBe(600);
  });

  test("is refused for the real service, whose rate limits it would break", () => {
    expect(() => config({ ...key, "vast:clockScale": "600" })).toThrow(/rate limits of https:\/\/console\.vast\.ai/);
  });

  test.for(["0", "-1", "fast", ""])('must be a number above 0, not "%s"', (scale) => {
    expect(() => config({ ...local, "vast:clockScale": scale })).toThrow(/number above 0/);
  });
});

describe("the waiver for one run", () => {
  const waiver = (text: string) => config(key, { VAST_WAIVE_COPY_OUT: text }).waiver;

  test("names resources and a reason", () => {
    const written = { resources: ["trainer-0"], reason: "results are in the registry" };
    expect(waiver(JSON.stringify(written))).toEqual(written);
  });

  test.for([
    "yes",
    '"*"',
    '{"resources": ["a"]}',
    '{"resources": [], "reason": "long enough a reason"}',
    '{"resources": ["a"], "reason": "short"}',
    '{"resources": ["a"], "reason": "long enough a reason", "force": true}',
  ])("is refused without them: %s", (text) => {
    expect(() => waiver(text)).toThrow(
      /name resources and a written reason[\s\S]*VAST_WAIVE_COPY_OUT=.* pulumi destroy/,
    );
  });

  test("is none by default", () => {
    expect(config(key).waiver).toBeUndefined();
  });
});

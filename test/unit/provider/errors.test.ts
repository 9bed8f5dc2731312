import { expect, test } from "vitest";
import { isVastError, VastError } from "../../../provider/api/errors.ts";

test("an error says what went wrong, where, and what to do", () => {
  const error = new VastError("refused", "no", { endpoint: "PUT /api/v0/asks/{id}/", status: 400, fix: "ask again" });
  expect(error.message).toBe("no (PUT /api/v0/asks/{id}/, HTTP 400)\n  → ask again");
});

test("an error without answer names the endpoint alone", () => {
  expect(new VastError("unsure", "gone quiet", { endpoint: "GET /x" }).message).toBe("gone quiet (GET /x)");
});

test("what the engine's host prints is the message once, without a call stack", () => {
  const error = new VastError("blocked", "kept", { fix: "copy it" });
  expect(`${error}: ${error.stack}`).toBe("pulumi-vast: kept\n  → copy it");
});

test("errors are told apart by code", () => {
  const error = new VastError("auth", "no");
  expect(isVastError(error)).toBe(true);
  expect(isVastError(error, "auth", "refused")).toBe(true);
  expect(isVastError(error, "refused")).toBe(false);
  expect(isVastError(new Error("auth"), "auth")).toBe(false);
});

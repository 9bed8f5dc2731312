import { describe, expect, test } from "vitest";
import { isVastError, type VastError } from "../../../provider/api/errors.ts";
import {
  destroyInstance,
  listInstances,
  type RentRequest,
  rentOffer,
  setLabel,
  showInstance,
} from "../../../provider/api/instances.ts";
import { noPacing, type Pacer } from "../../../provider/api/pacing.ts";
import { backoffS, createTransport, neverConnected } from "../../../provider/api/transport.ts";
import { freePort } from "../../../tools/free-port.ts";
import { type Answer, answeringServer } from "../../support/answering-server.ts";
import { heldClock } from "../../support/held-clock.ts";
import { instanceRow } from "../../support/rows.ts";

const KEY = "a-key-that-must-not-leak";
const MAX_ATTEMPTS = 4;
const rental: RentRequest = {
  image: "ubuntu:22.04",
  diskGb: 20,
  env: { MARK: "m" },
  runtype: "ssh_direct",
  label: "trainer-0",
  bid: null,
  state: "running",
};

function client(url: string, pacer: Pacer = noPacing) {
  const clock = heldClock();
  const transport = createTransport({
    baseUrl: url,
    apiKey: KEY,
    clock,
    pacer,
    random: () => 0.5,
    maxAttempts: MAX_ATTEMPTS,
    timeoutS: 5,
  });
  return { clock, transport };
}

async function failureOf(work: Promise<unknown>): Promise<VastError> {
  const error = await work.then(
    () => new Error("it succeeded"),
    (thrown: unknown) => thrown,
  );
  if (!isVastError(error)) throw error;
  expect(`${error.message}${error.stack}${JSON.stringify(error)}${String(error.cause)}`).not.toContain(KEY);
  return error;
}

/** What a call comes to when the service answers every try so. */
async function failure(answer: Answer, call: "show" | "rent" | "list" | "destroy" = "show") {
  await using server = await answeringServer([answer]);
  const { transport, clock } = client(server.url);
  const error = await failureOf(
    call === "show"
      ? transport.call(showInstance, 5)
      : call === "list"
        ? transport.call(listInstances, () => null)
        : call === "destroy"
          ? transport.call(destroyInstance, 5)
          : transport.call(rentOffer, 5, rental),
  );
  return { error, requests: server.requests.length, pauses: clock.slept };
}

const said = (error: string, msg: string, more: object = {}) => ({ success: false, error, msg, ...more });

describe("a request", () => {
  test("carries the key as a bearer token and nowhere else", async () => {
    await using server = await answeringServer([{ body: { success: true } }]);
    await client(server.url).transport.call(setLabel, 5, "new");
    const [request] = server.requests;
    expect(request).toMatchObject({ method: "PUT", url: "/api/v0/instances/5/", body: '{"label":"new"}' });
    expect(request?.authorization).toBe(`Bearer ${KEY}`);
    expect(request?.url + (request?.body ?? "")).not.toContain(KEY);
  });

  test("waits for its slot of the route, once for every try", async () => {
    await using server = await answeringServer([{ status: 502 }, { body: { instances: null } }]);
    const slots: string[] = [];
    const pacer: Pacer = {
      ...noPacing,
      inTurn: (route, send) => {
        slots.push(route);
        return send(() => {});
      },
    };
    expect(await client(server.url, pacer).transport.call(showInstance, 5)).toBeNull();
    expect(slots).toEqual(["GET /api/v0/instances/{id}/", "GET /api/v0/instances/{id}/"]);
  });

  test("for a rental always says its price, so that a bid can never turn into an on-demand rental", async () => {
    await using server = await answeringServer([{ body: { success: true, new_contract: "12" } }]);
    const { transport } = client(server.url);
    expect(await transport.call(rentOffer, 5, { ...rental, bid: 0.2 })).toBe(12);
    await transport.call(rentOffer, 5, rental);
    const bodies = server.requests.map((request) => JSON.parse(request.body) as Record<string, unknown>);
    expect(bodies.map((body) => body.price)).toEqual([0.2, null]);
    expect(bodies.map((body) => body.cancel_unavail)).toEqual([true, true]);
  });
});

describe("an answer that is no proof that a machine is gone", () => {
  test.for<[string, Answer, string]>([
    ["404 of a wrong key", { status: 404, body: said("auth_error", "Invalid user key") }, "auth"],
    ["404 of an expired session", { status: 404, body: said("auth_error", "Session expired.") }, "auth"],
    ["403 without a login", { status: 403, body: said("auth_error", "This action requires login.") }, "auth"],
    ["401 of a deleted key", { status: 401, body: { msg: "Invalid user key" } }, "auth"],
    ["401 without a word", { status: 401, body: "" }, "auth"],
    ["410 of a withdrawn list", { status: 410, body: said("deprecated_endpoint", "Use /api/v1/") }, "refused"],
    ["404 of a proxy", { status: 404, type: "text/html", body: "<h1>Not Found</h1>" }, "unexpected"],
    ["404 of an unknown code", { status: 404, body: said("no_such_route", "?") }, "refused"],
    ["200 with success:false", { body: said("resources_unavailable", "queued") }, "refused"],
    ["200 with success:false and no more", { body: { success: false } }, "unexpected"],
    ["200 with a page", { type: "text/html", body: "<html>maintenance</html>" }, "unexpected"],
    ["200 with an empty body", { body: "" }, "unexpected"],
    ["200 with another shape", { body: { instances: [] } }, "unexpected"],
    ["200 with nothing in it", { body: {} }, "unexpected"],
    ["200 with a row that lacks its price", { body: { instances: { id: 5, actual_status: null } } }, "unexpected"],
    ["500 with a message", { status: 500, body: said("internal", "oops") }, "unsure"],
    ["500 with a page", { status: 500, type: "text/html", body: "<h1>oops</h1>" }, "unsure"],
  ])("%s", async ([, answer, code]) => {
    const { error } = await failure(answer);
    expect(error.code).toBe(code);
    expect(error.message).toContain("GET /api/v0/instances/{id}/");
  });

  test.for<[string, unknown]>([
    ["no rows", { success: true, total_instances: 0, next_token: null }],
    ["rows of the wrong type", { success: true, total_instances: 0, next_token: null, instances: "" }],
    ["no total", { success: true, next_token: null, instances: [] }],
    ["no token", { success: true, total_instances: 0, instances: [] }],
    ["the rows of the old version", { instances_found: 0, instances: [] }],
    ["nothing", null],
    [
      "one broken row among good ones",
      { success: true, total_instances: 2, next_token: null, instances: [instanceRow(), {}] },
    ],
  ])("a list with %s is an error, never an empty list", async ([, body]) => {
    expect((await failure({ body }, "list")).error.code).toBe("unexpected");
  });

  test("and an unknown column in a row is no error", async () => {
    await using server = await answeringServer([{ body: { instances: { ...instanceRow(), brand_new: [1] } } }]);
    expect((await client(server.url).transport.call(showInstance, 5))?.id).toBe(36_717_044);
  });
});

describe("not-found", () => {
  test.for(["no_such_instance", "not_found"])("is what the service says with the code %s", async (code) => {
    const { error } = await failure({ status: 404, body: said(code, "Instance 5 not found.") }, "destroy");
    expect(error).toMatchObject({ code: "not-found", reason: code, status: 404 });
  });
});

describe("an offer that was taken", () => {
  test.for<[number, string, string]>([
    [404, "invalid_args", "error 404/3603: no_such_ask Instance type by id 5 is not available."],
    [400, "invalid_args", "error 400/3603: no_such_ask Instance type by id 5 is not available."],
    [410, "no_such_ask", "error 410/3907: no_such_ask Instance type 5 is no longer available."],
    [200, "no_such_ask", ""],
  ])("is recognised in a %i with %s", async ([status, code, msg]) => {
    const { error, requests } = await failure({ status, body: said(code, msg, { ask_id: 5 }) }, "rent");
    expect(error.code).toBe("offer-gone");
    expect(requests).toBe(1);
  });

  test("a wrong key on the same route is not one", async () => {
    const { error } = await failure({ status: 404, body: said("auth_error", "Invalid user key") }, "rent");
    expect(error.code).toBe("auth");
  });
});

describe("a rental that failed and made a contract all the same", () => {
  test.for<[number, object]>([
    [400, said("invalid_price", "bid too low", { new_contract: 77 })],
    [200, said("invalid_price", "bid too low", { new_contract: "77" })],
  ])("keeps the contract's id with the error (%i)", async ([status, body]) => {
    expect((await failure({ status, body }, "rent")).error).toMatchObject({ code: "refused", contractId: 77 });
  });
});

describe("throttling", () => {
  const throttled: Answer = {
    status: 429,
    type: "text/plain",
    body: "API requests too frequent: endpoint threshold=4.5",
  };

  test("is retried with growing pauses, and given up after the last try", async () => {
    const { error, requests, pauses } = await failure(throttled);
    expect(error.code).toBe("rate-limit");
    expect(requests).toBe(MAX_ATTEMPTS);
    expect(pauses).toEqual([0.5, 1, 2]);
  });

  test("is retried for a rental too: what was turned away had no effect", async () => {
    await using server = await answeringServer([throttled, { body: { success: true, new_contract: 12 } }]);
    expect(await client(server.url).transport.call(rentOffer, 5, rental)).toBe(12);
    expect(server.requests).toHaveLength(2);
  });

  test("holds everybody off that route for the penalty", async () => {
    await using server = await answeringServer([throttled, { body: { instances: null } }]);
    const held: [string, number][] = [];
    const pacer: Pacer = { ...noPacing, holdOff: async (route, seconds) => void held.push([route, seconds]) };
    await client(server.url, pacer).transport.call(showInstance, 5);
    expect(held).toEqual([["GET /api/v0/instances/{id}/", 12]]);
  });

  test("also comes as an HTML page with 403 from the edge, which is no verdict about the key", async () => {
    const page: Answer = { status: 403, type: "text/html; charset=utf-8", body: "<html>403 Forbidden</html>" };
    await using server = await answeringServer([page, { body: { instances: null } }]);
    expect(await client(server.url).transport.call(showInstance, 5)).toBeNull();
    expect((await failure(page)).error.code).toBe("rate-limit");
  });

  test("pauses are full-jitter and bounded", () => {
    expect(backoffS(1, () => 1)).toBe(1);
    expect(backoffS(3, () => 1)).toBe(4);
    expect(backoffS(50, () => 1)).toBe(30);
    expect(backoffS(50, () => 0)).toBe(0);
  });
});

describe("a call that may have had its effect", () => {
  const odd: [string, Answer, string][] = [
    ["a connection that breaks before the answer", { cut: "drop" }, "unsure"],
    [
      "a connection that breaks inside the answer",
      { cut: "half", body: { success: true, new_contract: 12 } },
      "unsure",
    ],
    ["a gateway's 502", { status: 502, body: "bad gateway" }, "unsure"],
    ["a gateway's 504", { status: 504, body: "" }, "unsure"],
    ["the service's own 500", { status: 500, body: said("internal", "oops") }, "unsure"],
    ["a 500 page", { status: 500, type: "text/html", body: "<h1>oops</h1>" }, "unsure"],
    ["an answer of another shape", { body: { success: true } }, "unexpected"],
    ["a contract id that is none", { body: { success: true, new_contract: "soon" } }, "unexpected"],
  ];

  test.for(odd)("is never sent again when it rents: %s", async ([, answer, code]) => {
    const { error, requests } = await failure(answer, "rent");
    expect(requests).toBe(1);
    expect(error.code).toBe(code);
  });

  test.for(odd.filter(([, , code]) => code === "unsure"))(
    "is sent again, but not for ever, when it only reads: %s",
    async ([, answer]) => {
      const { error, requests } = await failure(answer);
      expect(error.code).toBe("unsure");
      expect(requests).toBe(MAX_ATTEMPTS);
    },
  );

  test("succeeds when a later try does", async () => {
    await using server = await answeringServer([{ cut: "drop" }, { status: 503 }, { body: { success: true } }]);
    await client(server.url).transport.call(destroyInstance, 5);
    expect(server.requests).toHaveLength(3);
  });
});

describe("a service that is not there", () => {
  test("is named with what to check; nothing was changed", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const { transport, clock } = client(url);
    const error = await failureOf(transport.call(rentOffer, 5, rental));
    expect(error.code).toBe("unreachable");
    expect(error.message).toMatch(/ECONNREFUSED.*nothing was changed[\s\S]*vast:apiUrl/);
    expect(clock.slept).toHaveLength(MAX_ATTEMPTS - 1);
  });
});

test.for<[string, { code: string; syscall?: string }, boolean]>([
  ["a refused connection", { code: "ECONNREFUSED", syscall: "connect" }, true],
  ["an unknown host", { code: "ENOTFOUND", syscall: "getaddrinfo" }, true],
  ["no way to the host", { code: "EHOSTUNREACH", syscall: "connect" }, true],
  ["a way to the host that was lost after the request", { code: "EHOSTUNREACH", syscall: "read" }, false],
  ["a network that was lost after the request", { code: "ENETUNREACH", syscall: "write" }, false],
  ["a reset", { code: "ECONNRESET", syscall: "read" }, false],
  ["silence", { code: "UND_ERR_HEADERS_TIMEOUT" }, false],
])("a request met by %s is known to have had no effect, or not", ([, cause, never]) => {
  expect(neverConnected(cause)).toBe(never);
});

describe("a result behind a public URL", () => {
  test("is fetched without the key, and is not there yet until it is", async () => {
    await using server = await answeringServer([
      { status: 404, body: "" },
      { type: "text/plain", body: "the log" },
    ]);
    const { transport } = client(server.url);
    expect(await transport.fetchResult(`${server.url}/log`)).toBeUndefined();
    expect(await transport.fetchResult(`${server.url}/log`)).toBe("the log");
    expect(server.requests.map((request) => request.authorization)).toEqual([undefined, undefined]);
  });

  test("whose transfer breaks is not there yet either: half a listing must never pass for a whole one", async () => {
    await using server = await answeringServer([
      { cut: "half", type: "text/plain", body: "a\nb\nc\n" },
      { cut: "drop" },
      { type: "text/plain", body: "a\nb\nc\n" },
    ]);
    const { transport } = client(server.url);
    expect(await transport.fetchResult(server.url)).toBeUndefined();
    expect(await transport.fetchResult(server.url)).toBeUndefined();
    expect(await transport.fetchResult(server.url)).toBe("a\nb\nc\n");
  });
});

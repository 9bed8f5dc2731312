import { expect, test } from "vitest";
import type { InstanceRow } from "../../../provider/api/instances.ts";
import { type Condition, conditionOf, mayHaveRun } from "../../../provider/lifecycle/instance/condition.ts";
import { instanceRow } from "../../support/rows.ts";

const NO_MANIFEST = "Error response from daemon: manifest for a/b:c not found: manifest unknown";
const OCI = "Error response from daemon: failed to create task for container: OCI runtime create failed: …";

/** actual, cur, next, intended: the rows of vast-api.md 3.6. */
type Four = [actual: string | null, cur: string, next: string, intended: string];

test.for<[string, Four, Partial<InstanceRow>, Condition]>([
  ["accepted, not reported yet", [null, "running", "running", "running"], { status_msg: null }, "starting"],
  ["pulling", ["loading", "running", "running", "running"], { status_msg: "Pulling from library/x" }, "starting"],
  ["made, about to start", ["created", "running", "running", "running"], {}, "starting"],
  ["running", ["running", "running", "running", "running"], {}, "running"],
  ["asked to stop", ["running", "running", "stopped", "stopped"], {}, "stopping"],
  ["stopped by the user", ["exited", "stopped", "stopped", "stopped"], {}, "stopped"],
  ["stopped by the user, as the docs spell it", ["stopped", "stopped", "stopped", "stopped"], {}, "stopped"],
  ["started again, without room", ["exited", "stopped", "running", "running"], {}, "scheduling"],
  ["rebooting", ["rebooting", "running", "running", "running"], {}, "running"],
  ["recycling", ["recycling", "running", "running", "running"], {}, "starting"],
  ["frozen with its memory, the GPU billed", ["frozen", "running", "running", "running"], {}, "running"],
  ["its process crashed", ["exited", "running", "running", "running"], {}, "crashed"],
  ["outbid", ["exited", "stopped", "stopped", "stopped"], { is_bid: true }, "preempted"],
  [
    "its bid rejected at create",
    [null, "stopped", "stopped", "stopped"],
    { is_bid: true, status_msg: null },
    "host-error",
  ],
  ["created on demand without room", [null, "stopped", "stopped", "running"], { status_msg: "" }, "scheduling"],
  [
    "its image missing, still trying",
    ["loading", "running", "running", "running"],
    { status_msg: NO_MANIFEST },
    "image-error",
  ],
  [
    "its image missing, given up",
    ["loading", "stopped", "stopped", "stopped"],
    { status_msg: NO_MANIFEST },
    "image-error",
  ],
  [
    "no access to its image",
    ["loading", "running", "running", "running"],
    { status_msg: "pull access denied for a/b" },
    "image-error",
  ],
  ["its container cannot be made", ["created", "stopped", "stopped", "stopped"], { status_msg: OCI }, "host-error"],
  [
    "its container cannot be made, not given up yet",
    ["created", "running", "running", "running"],
    { status_msg: OCI },
    "host-error",
  ],
  [
    "its build fails on the host",
    ["loading", "stopped", "stopped", "stopped"],
    { status_msg: "docker_build() error writing dockerfile" },
    "host-error",
  ],
  ["its host silent for a moment", ["unknown", "running", "running", "running"], {}, "offline"],
  ["its host offline", ["offline", "running", "running", "running"], {}, "offline"],
  ["stopped and its host offline", ["offline", "stopped", "stopped", "stopped"], {}, "offline"],
  ["stopped for lack of credit", ["exited", "stopped", "stopped", "stopped"], { status_msg: "" }, "stopped"],
  ["past its end date", ["exited", "stopped", "stopped", "stopped"], { duration: -5 }, "expired"],
  [
    "outbid and past its end date",
    ["exited", "stopped", "stopped", "stopped"],
    { is_bid: true, duration: -5 },
    "expired",
  ],
  ["copying", ["running", "running", "running", "running"], { status_msg: "Cloud Copy In Progress" }, "running"],
  [
    "an old daemon error in the message of a running container",
    ["running", "running", "running", "running"],
    { status_msg: OCI },
    "running",
  ],
])(
  "a contract that is %s is taken as such",
  ([, [actual_status, cur_state, next_state, intended_status], more, condition]) => {
    const row = instanceRow({ actual_status, cur_state, next_state, intended_status, ...more });
    expect(conditionOf(row)).toBe(condition);
  },
);

test.for<[string, Partial<InstanceRow>, boolean]>([
  ["accepted", { actual_status: null, status_msg: null }, false],
  ["pulling", { actual_status: "loading" }, false],
  ["made", { actual_status: "created", gpu_util: null, gpu_temp: null, mem_usage: null }, false],
  ["loading again, with the metrics of before", { actual_status: "loading", gpu_util: 0, gpu_temp: 41 }, true],
  ["running", {}, true],
  ["stopped", { actual_status: "exited" }, true],
  ["on a silent host", { actual_status: "offline" }, true],
  ["of a status nobody knows", { actual_status: "hibernating" }, true],
])("whether a contract that is %s may hold results is known", ([, row, may]) => {
  expect(mayHaveRun(instanceRow(row))).toBe(may);
});

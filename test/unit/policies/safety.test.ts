import { describe, expect, test } from "vitest";
import type { AnyRule } from "../../../policies/rule.ts";
import { allowedCountries } from "../../../policies/safety/allowed-countries.ts";
import { directPort } from "../../../policies/safety/direct-port.ts";
import { diskCoversCheckpoints } from "../../../policies/safety/disk-covers-checkpoints.ts";
import { imageCuda, imageCudaKnown } from "../../../policies/safety/image-cuda.ts";
import { imagePinned } from "../../../policies/safety/image-pinned.ts";
import { minReliability } from "../../../policies/safety/min-reliability.ts";
import { openAccess } from "../../../policies/safety/open-access.ts";
import { portCap } from "../../../policies/safety/port-cap.ts";
import { registryLogin } from "../../../policies/safety/registry-login.ts";
import { requiredPatterns } from "../../../policies/safety/required-patterns.ts";
import { secretsInClear } from "../../../policies/safety/secrets-in-clear.ts";
import { spreadHosts } from "../../../policies/safety/spread-hosts.ts";
import { volumeWithInstance } from "../../../policies/safety/volume-with-instance.ts";
import {
  IMAGE,
  instance,
  judge,
  judgeStack,
  PASS,
  type Resource,
  TARGET,
  UNKNOWN,
  unchecked,
  volume,
} from "./judge.ts";

function refuses(rule: AnyRule, resource: Resource, message: string, config?: object): void {
  expect(judge(rule, resource, config)).toEqual({ violations: [`trainer: ${message}`], unknown: [] });
}

function leavesOpen(rule: AnyRule, resource: Resource, config?: object): void {
  const { violations, unknown } = judge(rule, resource, config);
  expect(violations).toEqual([]);
  expect(unknown).toEqual([expect.stringContaining("can't be known during preview")]);
}

const paths = ["/workspace/checkpoints"];

describe("min-reliability", () => {
  test("passes at the least and above, and where the provider's own default holds", () => {
    expect(judge(minReliability, instance({ offer: { minReliability: 0.9 } }))).toEqual(PASS);
    expect(judge(minReliability, unchecked("instance", { offer: {} }), { least: 0.95 })).toEqual(PASS);
    expect(judge(minReliability, instance({ offer: { id: 7 } }), { least: 0.99 })).toEqual(PASS);
    expect(judge(minReliability, unchecked("instance", {}))).toEqual(PASS);
  });

  test("refuses a host that may be down more often, and the default where more is asked for", () => {
    refuses(
      minReliability,
      instance({ offer: { minReliability: 0.89 } }),
      "offer.minReliability is 0.89; the least is 0.9. Raise it to 0.9.",
    );
    refuses(
      minReliability,
      unchecked("instance", { offer: {} }),
      "offer.minReliability is 0.95; the least is 0.99. Raise it to 0.99.",
      { least: 0.99 },
    );
    refuses(
      minReliability,
      volume({ placeWith: { offer: { gpu: "RTX 4090", minReliability: 0.5 }, disk: 20, image: IMAGE } }),
      "placeWith.offer.minReliability is 0.5; the least is 0.9. Raise it to 0.9.",
    );
  });

  test("leaves open what is not known yet", () =>
    leavesOpen(minReliability, instance({ offer: { minReliability: UNKNOWN } })));
});

describe("direct-port", () => {
  test.each(["ssh_direct", "jupyter_direct", "args", undefined])("passes %s", (runtype) => {
    expect(judge(directPort, unchecked("instance", { runtype }))).toEqual(PASS);
  });

  test.each(["ssh", "jupyter"])("refuses %s, which goes through the proxy", (runtype) => {
    refuses(
      directPort,
      instance({ runtype }),
      `runtype is "${runtype}", which reaches the instance through the proxy only; a direct port is needed. Set it to "${runtype}_direct" or leave it out.`,
    );
  });

  test("leaves open what is not known yet", () => leavesOpen(directPort, instance({ runtype: UNKNOWN })));
});

describe("required-patterns", () => {
  test("passes with a pattern, with a waiver, and where nothing is copied at all", () => {
    expect(judge(requiredPatterns, instance())).toEqual(PASS);
    expect(judge(requiredPatterns, instance({ copyOut: { waive: "renders are streamed out" } }))).toEqual(PASS);
    expect(judge(requiredPatterns, instance({ copyOut: undefined }))).toEqual(PASS);
  });

  test.each([
    { target: TARGET, paths },
    { target: TARGET, paths, required: [] },
  ])("refuses none: %j", (copyOut) => {
    refuses(
      requiredPatterns,
      unchecked("instance", { copyOut }),
      'copyOut.required names 0 patterns, at least 1 is needed. Name files that prove the results are there, e.g. ["*.pt"], or ["*"] for any file at all.',
    );
  });

  test("leaves open what is not known yet", () => {
    leavesOpen(requiredPatterns, instance({ copyOut: { target: TARGET, paths, required: UNKNOWN } }));
  });
});

describe("secrets-in-clear", () => {
  const token = `hf_${"a".repeat(30)}`;

  test.each(["onstart", "image", "label"])("refuses a token in %s without repeating it", (property) => {
    const { violations } = judge(secretsInClear, unchecked("instance", { [property]: `x ${token}` }));
    expect(violations).toEqual([
      `trainer: ${property} contains a Hugging Face token, and Vast.ai stores and shows ${property} in clear; no secret is allowed there. Pass it in env, which is encrypted in the state.`,
    ]);
    expect(violations.join()).not.toContain(token);
  });

  test("refuses an organisation's own kind of secret", () => {
    refuses(
      secretsInClear,
      instance({ onstart: "login corp-12345678" }),
      "onstart contains what /corp-\\d{8}/ matches, and Vast.ai stores and shows onstart in clear; no secret is allowed there. Pass it in env, which is encrypted in the state.",
      { patterns: ["never", "corp-\\d{8}"] },
    );
  });

  test("passes texts without a secret, and a token in env", () => {
    expect(judge(secretsInClear, instance({ onstart: "bash train.sh", env: { HF_TOKEN: token } }))).toEqual(PASS);
    expect(judge(secretsInClear, unchecked("instance", {}), { patterns: ["."] })).toEqual(PASS);
  });

  test("takes no pattern that is no regular expression", () => {
    expect(() => judge(secretsInClear, instance(), { patterns: ["("] })).toThrow(
      /is not a regular expression[\s\S]*patterns/,
    );
  });

  test("refuses what is known beside what is not known yet", () => {
    const { violations, unknown } = judge(secretsInClear, unchecked("instance", { onstart: UNKNOWN, label: token }));
    expect(violations).toHaveLength(1);
    expect(unknown).toHaveLength(1);
  });
});

describe("registry-login-in-clear", () => {
  test("refuses a login before the registry of an image", () => {
    refuses(
      registryLogin,
      unchecked("instance", { image: "bot:hunter22@registry.example.com/team/app:1" }),
      "image holds a user and a password before its registry, which Vast.ai shows in clear; none are allowed there. Give them in imageLogin.",
    );
  });

  test.each([
    "docker login -u bot -p hunter22 registry.example.com",
    "docker login --password=hunter22",
    "docker login -p hunter$22",
  ])("refuses a password in the start script: %s", (onstart) => {
    refuses(
      registryLogin,
      unchecked("instance", { onstart }),
      "onstart logs in to a registry with a password in clear; none is allowed there. Give the login in imageLogin, or the password in env and pipe it to --password-stdin.",
    );
  });

  test("refuses a login that the state would keep in clear", () => {
    const { violations } = judge(registryLogin, {
      ...unchecked("instance", { imageLogin: "-u a -p b c" }),
      secrets: ["env"],
    });
    expect(violations).toEqual([
      "trainer: imageLogin would be kept in the state in clear; it has to be secret. Declare the instance with VastInstance, or list imageLogin in additionalSecretOutputs.",
    ]);
  });

  test("passes images with a port, a digest or a plain name, and a login that is secret", () => {
    for (const image of ["registry.example.com:5000/team/app:1", `app@sha256:${"0".repeat(64)}`, "app", "team/app:1"]) {
      expect(judge(registryLogin, unchecked("instance", { image }))).toEqual(PASS);
    }
    expect(judge(registryLogin, instance({ imageLogin: "-u a -p b registry.example.com" }))).toEqual(PASS);
    expect(judge(registryLogin, { ...unchecked("instance", {}), secrets: [] })).toEqual(PASS);
  });

  test("passes a password that comes from the environment or from a pipe", () => {
    for (const onstart of [
      "docker login -u a -p $REGISTRY_PASSWORD r",
      'docker login -p "$P" r',
      "docker login --password-stdin r",
      "ls -p",
    ]) {
      expect(judge(registryLogin, unchecked("instance", { onstart }))).toEqual(PASS);
    }
  });

  test("leaves open what is not known yet", () => leavesOpen(registryLogin, unchecked("instance", { image: UNKNOWN })));
});

describe("open-access", () => {
  test.each([
    ["starts Jupyter without a token", "jupyter lab --ServerApp.token='' --port 8080"],
    ["starts Jupyter without a token", 'jupyter notebook --NotebookApp.password="" &'],
    ["starts Jupyter without a token", "jupyter lab --IdentityProvider.token="],
    ["starts Jupyter without a token", "jupyter lab -ServerApp.token= --port 8080"],
    ["lets SSH in with an empty password", "echo 'PermitEmptyPasswords yes' >> /etc/ssh/sshd_config"],
    ["lets SSH in with an empty password", "echo 'PermitEmptyPasswords   yes' >> /etc/ssh/sshd_config"],
    ["lets SSH in with a password", "echo 'PasswordAuthentication   yes' >> /etc/ssh/sshd_config"],
    ["lets SSH in with a password", "sed -i 's/.*/PasswordAuthentication yes/' /etc/ssh/sshd_config"],
  ])("refuses a start script that %s", (what, onstart) => {
    refuses(
      openAccess,
      unchecked("instance", { onstart }),
      `onstart ${what}, on a port that is public; a key or a token is needed. Remove it: keys come from sshKeys and the account, the token from Vast.ai.`,
    );
  });

  test.each(["JUPYTER_TOKEN", "JUPYTER_PASSWORD", "OPEN_BUTTON_TOKEN"])("refuses an empty %s", (name) => {
    refuses(
      openAccess,
      instance({ env: { [name]: " " } }),
      `env.${name} is empty, so Jupyter asks for nothing, on a port that is public. Leave it out (Vast.ai makes a token), or set a long one.`,
    );
  });

  test("refuses web ports without a lock", () => {
    refuses(
      openAccess,
      instance({ env: { WEB_ENABLE_AUTH: "False" } }),
      "env.WEB_ENABLE_AUTH is false, so the web ports of the image ask for nothing. Leave it out.",
    );
  });

  test.each([22, "22/tcp"])("refuses an SSH server of the image's own without a key: port %s", (port) => {
    refuses(
      openAccess,
      unchecked("instance", { runtype: "args", ports: [8000, port] }),
      'ports opens 22 of the image\'s own SSH server, and sshKeys names 0 keys, at least 1 is needed. Name them, or use runtype "ssh_direct", which takes keys only.',
    );
  });

  test("passes what has a lock", () => {
    for (const inputs of [
      { onstart: "jupyter lab --ServerApp.token=$JUPYTER_TOKEN --port 8080" },
      { onstart: "echo 'PasswordAuthentication no' >> /etc/ssh/sshd_config" },
      { env: { JUPYTER_TOKEN: "a-long-one", WEB_ENABLE_AUTH: "true" } },
      { runtype: "args", ports: [22], sshKeys: ["ssh-ed25519 AAAA me"] },
      { runtype: "args", ports: [2222, "22/udp"] },
      { runtype: "args" },
      { runtype: "ssh_direct", ports: [22] },
    ]) {
      expect([inputs, judge(openAccess, unchecked("instance", inputs))]).toEqual([inputs, PASS]);
    }
  });

  test("leaves open what is not known yet", () => leavesOpen(openAccess, unchecked("instance", { env: UNKNOWN })));
});

describe("image-pinned", () => {
  const digest = `app@sha256:${"0".repeat(64)}`;

  test.each([IMAGE, "registry.example.com:5000/app:1.2", digest])("passes %s", (image) => {
    expect(judge(imagePinned, instance({ image }))).toEqual(PASS);
  });

  test("asks nothing of an instance without an image", () => {
    expect(judge(imagePinned, unchecked("instance", {}))).toEqual(PASS);
  });

  test.each(["pytorch/pytorch", "app:latest", "registry.example.com:5000/app", "app@sha256:0000", `${digest}0`])(
    "refuses %s",
    (image) => {
      refuses(
        imagePinned,
        unchecked("instance", { image }),
        `image is ${image}, which is whatever is newest on the day; a tag other than latest is needed. Write it as image:version, or image@sha256:….`,
      );
    },
  );

  test("refuses a tag where a digest is needed", () => {
    expect(judge(imagePinned, instance({ image: digest }), { requireDigest: true })).toEqual(PASS);
    refuses(
      imagePinned,
      instance(),
      `image is ${IMAGE}; a digest is needed. Write it as image@sha256:…, as \`docker inspect\` shows it.`,
      { requireDigest: true },
    );
  });

  test("leaves open what is not known yet", () => leavesOpen(imagePinned, instance({ image: UNKNOWN })));
});

describe("image-cuda", () => {
  test("refuses criteria that admit a driver older than the image's CUDA", () => {
    refuses(
      imageCuda,
      unchecked("instance", { image: IMAGE, offer: { minCuda: 12.1 } }),
      "offer.minCuda is 12.1, which admits drivers older than the image's CUDA 12.4. Raise it to 12.4 or leave it out.",
    );
  });

  test("refuses an image newer than agreed", () => {
    refuses(
      imageCuda,
      instance(),
      "the image needs CUDA 12.4; the newest allowed is 12.1. Take an image built for CUDA 12.1 or older.",
      { newest: 12.1 },
    );
  });

  test("refuses a pinned offer, whose driver is what it is", () => {
    refuses(
      imageCuda,
      instance({ offer: { id: 4711 } }),
      "offer.id pins offer 4711, whose driver nobody compares with the image's CUDA 12.4. Give criteria (gpu, maxDph …) in place of the id.",
    );
  });

  test("passes a driver that is new enough, and what needs no CUDA", () => {
    expect(judge(imageCuda, instance({ offer: { minCuda: 12.4 } }), { newest: 12.4 })).toEqual(PASS);
    expect(judge(imageCuda, instance({ imageCuda: 11.8, offer: { minCuda: 12 } }))).toEqual(PASS);
    expect(judge(imageCuda, instance({ image: "alpine:3", offer: { id: 7 } }), { newest: 12 })).toEqual(PASS);
    expect(judge(imageCuda, instance({ image: "alpine:3", offer: { minCuda: 12 } }))).toEqual(PASS);
  });

  test("leaves open what is not known yet", () => {
    leavesOpen(imageCuda, instance({ imageCuda: UNKNOWN }));
  });
});

describe("image-cuda-known", () => {
  test("warns where nothing says which CUDA the image needs", () => {
    for (const resource of [instance({ image: "team/app:1" }), unchecked("instance", { image: "team/app:1" })]) {
      refuses(
        imageCudaKnown,
        resource,
        "the CUDA that image team/app:1 needs cannot be told from its name. Say it in imageCuda, e.g. 12.4.",
      );
    }
  });

  test("passes where the name, imageCuda or the criteria say it", () => {
    for (const given of [
      {},
      { image: "team/app:1", imageCuda: 12.4 },
      { image: "team/app:1", offer: { minCuda: 12 } },
    ]) {
      expect(judge(imageCudaKnown, instance(given))).toEqual(PASS);
    }
    expect(judge(imageCudaKnown, unchecked("instance", {}))).toEqual(PASS);
  });

  test("leaves open what is not known yet", () => leavesOpen(imageCudaKnown, instance({ image: UNKNOWN })));
});

describe("port-cap", () => {
  const ports = (count: number) => Array.from({ length: count }, (_, n) => 8000 + n);

  test.each([
    ["ssh", 63, 1],
    ["ssh_direct", 63, 1],
    ["jupyter", 62, 2],
    ["jupyter_direct", 62, 2],
  ])("counts the port of %s: %i of one's own pass, one more does not", (runtype, most, own) => {
    expect(judge(portCap, instance({ runtype, ports: ports(most) }))).toEqual(PASS);
    refuses(
      portCap,
      instance({ runtype, ports: ports(most + 1) }),
      `ports opens ${most + 1}, with ${own} for ${runtype} that is 65; the cap is 64. Open at most ${most}.`,
    );
  });

  test("passes 64 for an image without SSH, and holds a lower cap", () => {
    expect(judge(portCap, instance({ runtype: "args", ports: ports(64) }))).toEqual(PASS);
    expect(judge(portCap, unchecked("instance", { ports: ports(3) }), { most: 4 })).toEqual(PASS);
    refuses(
      portCap,
      unchecked("instance", { ports: ports(3) }),
      "ports opens 3, with 1 for ssh_direct that is 4; the cap is 3. Open at most 2.",
      { most: 3 },
    );
    expect(judge(portCap, unchecked("instance", {}), { most: 1 })).toEqual(PASS);
  });

  test("leaves open what is not known yet", () => leavesOpen(portCap, instance({ ports: UNKNOWN })));
});

describe("disk-covers-checkpoints", () => {
  const copyOut = { target: TARGET, paths, required: ["*.pt"], expectedGb: 30 };

  test("passes a disk with room for checkpoints and image, and where nothing is expected", () => {
    expect(judge(diskCoversCheckpoints, instance({ disk: 40, copyOut }))).toEqual(PASS);
    expect(judge(diskCoversCheckpoints, instance({ disk: 8 }))).toEqual(PASS);
    expect(judge(diskCoversCheckpoints, unchecked("instance", { copyOut }))).toEqual(PASS);
  });

  test("refuses a disk that would be full", () => {
    refuses(
      diskCoversCheckpoints,
      instance({ disk: 39, copyOut }),
      "disk is 39 GB; copyOut.expectedGb 30 and 10 GB for image and caches need 40. Raise disk to at least 40.",
    );
    refuses(
      diskCoversCheckpoints,
      instance({ disk: 40, copyOut }),
      "disk is 40 GB; copyOut.expectedGb 30 and 25 GB for image and caches need 55. Raise disk to at least 55.",
      { reservedGb: 25 },
    );
  });

  test("asks nothing of the disk for what lies on a volume, and all of it for what lies beside one", () => {
    const mounted = { id: 1, machineId: 2, mountPath: "/workspace" };
    expect(judge(diskCoversCheckpoints, instance({ disk: 8, copyOut, volume: mounted }))).toEqual(PASS);
    expect(
      judge(
        diskCoversCheckpoints,
        instance({ disk: 8, copyOut, volume: { ...mounted, mountPath: "/workspace/checkpoints" } }),
      ),
    ).toEqual(PASS);
    const noPaths = { copyOut: { expectedGb: 30 }, disk: 8, volume: mounted };
    expect(judge(diskCoversCheckpoints, unchecked("instance", noPaths))).toEqual(PASS);
    const both = { ...copyOut, paths: ["/workspace/checkpoints", "/root/logs"] };
    expect(judge(diskCoversCheckpoints, instance({ disk: 8, copyOut: both, volume: mounted })).violations).toHaveLength(
      1,
    );
    for (const mountPath of ["/data", "/workspace/check"]) {
      const { violations } = judge(
        diskCoversCheckpoints,
        instance({ disk: 8, copyOut, volume: { ...mounted, mountPath } }),
      );
      expect(violations).toHaveLength(1);
    }
  });

  test("leaves open what is not known yet", () =>
    leavesOpen(diskCoversCheckpoints, instance({ disk: UNKNOWN, copyOut })));
});

describe("volume-with-instance", () => {
  const mounted = { id: 5, machineId: 2, mountPath: "/data" };

  test("refuses a volume that may land anywhere", () => {
    refuses(
      volumeWithInstance,
      volume({ placeWith: undefined }),
      "neither placeWith nor machineId is set, so the volume lands where no instance may fit; one of them is needed. Set placeWith to the offer, disk and image of the instance that mounts it.",
    );
    expect(judge(volumeWithInstance, volume({ machineId: 3 }))).toEqual(PASS);
  });

  test("refuses a pinned offer beside a volume", () => {
    refuses(
      volumeWithInstance,
      instance({ offer: { id: 4711 }, volume: mounted }),
      "offer.id pins offer 4711, which need not be on the volume's machine. Give criteria (gpu, maxDph …): the provider then rents on the machine of the volume.",
    );
    expect(judge(volumeWithInstance, instance({ offer: { id: 4711 } }))).toEqual(PASS);
    expect(judge(volumeWithInstance, instance({ volume: mounted }))).toEqual(PASS);
  });

  test("leaves open what is not known yet", () => {
    leavesOpen(volumeWithInstance, volume({ placeWith: UNKNOWN }));
    leavesOpen(volumeWithInstance, instance({ offer: { id: 4711 }, volume: UNKNOWN }));
  });

  describe("once both exist", () => {
    const existing = (machineId: unknown, volumeId: unknown = 5) => ({
      ...unchecked("volume", { volumeId, machineId }),
      name: "data",
    });

    test("refuses an instance that names another machine", () => {
      expect(judgeStack(volumeWithInstance, [existing(3), instance({ volume: mounted })])).toEqual({
        violations: [
          "trainer: volume.machineId is 2, but volume data is on machine 3, and volumes never leave theirs. Give volume.machineId as the volume's output machineId.",
        ],
        unknown: [],
      });
    });

    test("passes the same machine, other volumes and instances without one", () => {
      const other = { ...instance(), name: "other" };
      expect(judgeStack(volumeWithInstance, [existing(2), instance({ volume: mounted }), other])).toEqual(PASS);
      expect(judgeStack(volumeWithInstance, [existing(3, 6), instance({ volume: mounted })])).toEqual(PASS);
      expect(judgeStack(volumeWithInstance, [existing(3, undefined), instance()])).toEqual(PASS);
    });

    test("leaves open a volume whose id is not known yet", () => {
      expect(judgeStack(volumeWithInstance, [existing(3, UNKNOWN), instance({ volume: mounted })])).toEqual({
        violations: [],
        unknown: [expect.stringContaining("volumeId")],
      });
    });
  });
});

describe("spread-hosts", () => {
  const worker = (n: number, hostId: unknown, fleet: string | undefined = "trainer") => ({
    ...unchecked("instance", { hostId }),
    name: `${fleet}-${n}`,
    ...(fleet === undefined ? {} : { fleet }),
  });

  test("warns of a fleet on one host", () => {
    expect(judgeStack(spreadHosts, [worker(0, 8), worker(1, 8)]).violations).toEqual([
      "trainer: its 2 workers are on 1 host (8); at least 2 are needed. Exclude one in offer.excludeHosts of some workers (overrides).",
    ]);
    expect(judgeStack(spreadHosts, [worker(0, 8), worker(1, 9), worker(2, 9)], { least: 3 }).violations).toEqual([
      "trainer: its 3 workers are on 2 hosts (8, 9); at least 3 are needed. Exclude one in offer.excludeHosts of some workers (overrides).",
    ]);
  });

  test("passes enough hosts, a single worker, and instances that are no fleet", () => {
    expect(judgeStack(spreadHosts, [worker(0, 8), worker(1, 9)])).toEqual(PASS);
    expect(judgeStack(spreadHosts, [worker(0, 8)])).toEqual(PASS);
    const lone = (n: number) => ({ ...unchecked("instance", { hostId: 8 }), name: `lone-${n}` });
    expect(judgeStack(spreadHosts, [lone(0), lone(1)])).toEqual(PASS);
  });

  test("judges each fleet by itself", () => {
    expect(judgeStack(spreadHosts, [worker(0, 8), worker(0, 8, "other")])).toEqual(PASS);
  });

  test("leaves room for workers that are not rented yet", () => {
    expect(judgeStack(spreadHosts, [worker(0, 8), worker(1, undefined)])).toEqual(PASS);
    const { violations, unknown } = judgeStack(spreadHosts, [worker(0, 8), worker(1, UNKNOWN)]);
    expect(violations).toEqual([]);
    expect(unknown).toHaveLength(1);
    expect(
      judgeStack(spreadHosts, [worker(0, 8), worker(1, 8), worker(2, UNKNOWN)], { least: 3 }).violations,
    ).toHaveLength(1);
  });
});

describe("allowed-countries", () => {
  const config = { countries: ["SE", "NO"] };

  test("asks nothing until it is configured", () => {
    expect(judge(allowedCountries, instance())).toEqual(PASS);
  });

  test("passes a choice of those allowed", () => {
    expect(judge(allowedCountries, instance({ offer: { countries: ["NO"] } }), config)).toEqual(PASS);
    expect(judge(allowedCountries, unchecked("instance", {}), config)).toEqual(PASS);
  });

  test("refuses other countries, none named, and a pinned offer", () => {
    refuses(
      allowedCountries,
      instance({ offer: { countries: ["NO", "US", "CN"] } }),
      "offer.countries names US, CN; allowed are SE, NO. Take them out.",
      config,
    );
    refuses(
      allowedCountries,
      instance({ offer: { countries: ["US"] } }),
      "offer.countries names US; allowed are SE, NO. Take it out.",
      config,
    );
    refuses(
      allowedCountries,
      instance(),
      'offer.countries is not set, which admits hosts anywhere; allowed are SE, NO. Set it to ["SE","NO"].',
      config,
    );
    refuses(
      allowedCountries,
      instance({ offer: { id: 4711 } }),
      "offer.id pins offer 4711, whose country nobody checks; allowed are SE, NO. Give criteria with offer.countries in place of the id.",
      config,
    );
  });

  test.each(["Sweden", "SWE", "se", ""])("takes only country codes, not %j", (country) => {
    expect(() => judge(allowedCountries, instance(), { countries: [country] })).toThrow(/is not usable/);
  });

  test("leaves open what is not known yet", () => {
    leavesOpen(allowedCountries, instance({ offer: { countries: UNKNOWN } }), config);
  });
});

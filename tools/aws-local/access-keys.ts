import {
  CreateAccessKeyCommand,
  DeleteAccessKeyCommand,
  GetAccessKeyLastUsedCommand,
  paginateListAccessKeys,
  UpdateAccessKeyCommand,
} from "@aws-sdk/client-iam";
import { type Aws, isMissing, removal, step } from "./aws.ts";
import type { ResourceType } from "./resource.ts";
import { type Props, secret } from "./wire.ts";

/** Made by the server's IAM service, so that S3 takes it from now on and refuses it from its deletion on. */
export const accessKey: ResourceType = {
  token: "aws:iam/accessKey:AccessKey",
  // No pgpKey: an encrypted secret would be of no use to anything in a local run.
  inputs: ["user", "status"],
  replaceOn: ["user"],
  defaults: { status: "Active" },

  async create(aws, inputs) {
    const UserName = String(inputs.user);
    const what = `creating IAM Access Key (${UserName})`;
    const { AccessKey } = await step(what, () => aws.iam.send(new CreateAccessKeyCommand({ UserName })));
    const id = String(AccessKey?.AccessKeyId);
    try {
      if (inputs.status !== "Active") await setStatus(aws, UserName, id, inputs.status);
    } catch (error) {
      // The secret is told once only: a key whose secret goes nowhere must not stay.
      await aws.iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId: id }));
      throw error;
    }
    const createDate = AccessKey?.CreateDate?.toISOString();
    const outputs = {
      user: UserName,
      status: inputs.status,
      createDate,
      secret: secret(String(AccessKey?.SecretAccessKey)),
    };
    return { id, outputs };
  },

  async read(aws, id, state, inputs) {
    return step("reading IAM Access Key", async () => {
      const userName = typeof state.user === "string" ? state.user : await ownerOf(aws, id);
      const found = userName === undefined ? undefined : await findKey(aws, userName, id);
      if (!found) return undefined;
      const current: Props = { ...inputs, user: userName, status: found.Status };
      const createDate = found.CreateDate?.toISOString();
      return { inputs: current, outputs: { user: userName, status: found.Status, createDate, ...keptSecret(state) } };
    });
  },

  async update(aws, id, state, inputs) {
    await setStatus(aws, String(inputs.user), id, inputs.status);
    return { ...state, status: inputs.status, ...keptSecret(state) };
  },

  delete: (aws, id, state) =>
    removal("deleting IAM Access Key", () =>
      aws.iam.send(new DeleteAccessKeyCommand({ UserName: String(state.user), AccessKeyId: id })),
    ),
};

/** The API never tells a secret twice: the state is the only place that has it. An imported key has none. */
function keptSecret(state: Props): Props {
  return typeof state.secret === "string" ? { secret: secret(state.secret) } : {};
}

function setStatus(aws: Aws, UserName: string, AccessKeyId: string, status: unknown) {
  return step("setting the status of IAM Access Key", () =>
    aws.iam.send(new UpdateAccessKeyCommand({ UserName, AccessKeyId, Status: status as "Active" })),
  );
}

async function findKey(aws: Aws, UserName: string, id: string) {
  try {
    for await (const page of paginateListAccessKeys({ client: aws.iam }, { UserName })) {
      const found = page.AccessKeyMetadata?.find(({ AccessKeyId }) => AccessKeyId === id);
      if (found) return found;
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return undefined;
}

async function ownerOf(aws: Aws, AccessKeyId: string): Promise<string | undefined> {
  try {
    return (await aws.iam.send(new GetAccessKeyLastUsedCommand({ AccessKeyId }))).UserName;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

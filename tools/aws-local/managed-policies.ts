import { createHash } from "node:crypto";
import {
  CreateUserCommand,
  DeleteUserCommand,
  paginateListUserPolicies,
  paginateListUsers,
  TagUserCommand,
} from "@aws-sdk/client-iam";
import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import { type Aws, isMissing, removal, step } from "./aws.ts";
import { type ResourceType, uniqueName } from "./resource.ts";
import { deleteUserPolicy, getUserPolicy, putUserPolicy } from "./user-policies.ts";
import { tagList } from "./users.ts";
import type { Props } from "./wire.ts";

/**
 * The server's IAM service has inline policies only. A managed policy's document is kept as the inline policy of a
 * user of its own, who never gets a key; attaching it copies the document to the user, where the server evaluates it.
 */
const KEEPERS = "/managed-policies/";
const DOCUMENT = "document";

export const managedPolicy: ResourceType = {
  token: "aws:iam/policy:Policy",
  inputs: ["name", "namePrefix", "path", "description", "policy", "tags"],
  replaceOn: ["name", "namePrefix", "path", "description"],
  autoName: { property: "name", prefix: "namePrefix", maxLength: 128 },
  defaults: { path: "/" },
  documents: ["policy"],

  async create(aws, inputs) {
    const name = String(inputs.name ?? uniqueName(inputs.namePrefix));
    return step(`creating IAM Policy (${name})`, async () => {
      const { Account } = await aws.sts.send(new GetCallerIdentityCommand({}));
      const arn = `arn:aws:iam::${Account}:policy${inputs.path}${name}`;
      const Tags = tagList(aws.allTags(inputs.tags));
      const { User } = await aws.iam.send(new CreateUserCommand({ UserName: keeper(arn), Path: KEEPERS, Tags }));
      try {
        await putUserPolicy(aws, keeper(arn), DOCUMENT, String(inputs.policy));
      } catch (error) {
        // The document is no policy: without this the name would be taken by a policy that no stack knows of.
        await aws.iam.send(new DeleteUserCommand({ UserName: keeper(arn) }));
        throw error;
      }
      const policyId = User?.UserId?.replace(/^AIDA/, "ANPA");
      return { id: arn, outputs: outputs(aws, inputs, { name, arn, policyId, attachmentCount: 0 }) };
    });
  },

  async read(aws, id, state, inputs) {
    return step(`reading IAM Policy (${id})`, async () => {
      const policy = await getUserPolicy(aws, keeper(id), DOCUMENT);
      if (policy === undefined) return undefined;
      const [, path, name] = id.match(/:policy(\/(?:.*\/)?)([^/]+)$/) ?? [];
      const current = { ...inputs, path, policy, ...(inputs.namePrefix ? {} : { name }) };
      const attachmentCount = (await attachedUsers(aws, id)).length;
      return { inputs: current, outputs: outputs(aws, current, { ...state, name, policy, arn: id, attachmentCount }) };
    });
  },

  async update(aws, id, state, inputs) {
    return step(`updating IAM Policy (${id})`, async () => {
      const document = String(inputs.policy);
      await putUserPolicy(aws, keeper(id), DOCUMENT, document);
      for (const user of await attachedUsers(aws, id)) await putUserPolicy(aws, user, attachment(id), document);
      const Tags = tagList(aws.allTags(inputs.tags));
      if (Tags.length > 0) await aws.iam.send(new TagUserCommand({ UserName: keeper(id), Tags }));
      const { name, arn, policyId, attachmentCount } = state;
      return outputs(aws, inputs, { name, arn, policyId, attachmentCount });
    });
  },

  async delete(aws, id) {
    await removal(`deleting IAM Policy (${id})`, async () => {
      const users = await attachedUsers(aws, id);
      if (users.length > 0)
        throw new Error(`DeleteConflict: Cannot delete a policy attached to entities: ${users.join(", ")}`);
      await deleteUserPolicy(aws, keeper(id), DOCUMENT).catch((error) =>
        isMissing(error) ? undefined : Promise.reject(error),
      );
      await aws.iam.send(new DeleteUserCommand({ UserName: keeper(id) }));
    });
  },
};

export const userPolicyAttachment: ResourceType = {
  token: "aws:iam/userPolicyAttachment:UserPolicyAttachment",
  inputs: ["user", "policyArn"],
  replaceOn: ["user", "policyArn"],

  async create(aws, inputs) {
    const user = String(inputs.user);
    const policyArn = String(inputs.policyArn);
    await step(`attaching IAM Policy (${policyArn}) to IAM User (${user})`, async () => {
      const document = await getUserPolicy(aws, keeper(policyArn), DOCUMENT);
      if (document === undefined) throw new Error("NoSuchEntity: there is no such policy on the local server");
      await putUserPolicy(aws, user, attachment(policyArn), document);
    });
    return { id: `${user}/${policyArn}`, outputs: { user, policyArn } };
  },

  async read(aws, id) {
    const [user, policyArn] = split(id);
    const document = await step(`reading IAM User Policy Attachment (${id})`, () =>
      getUserPolicy(aws, user, attachment(policyArn)),
    );
    return document === undefined ? undefined : { inputs: { user, policyArn }, outputs: { user, policyArn } };
  },

  async delete(aws, id) {
    const [user, policyArn] = split(id);
    await removal(`detaching IAM Policy (${policyArn}) from IAM User (${user})`, () =>
      deleteUserPolicy(aws, user, attachment(policyArn)),
    );
  },
};

function outputs(aws: Aws, inputs: Props, known: Props): Props {
  const { __defaults, ...given } = inputs;
  return { ...known, ...given, tagsAll: aws.allTags(inputs.tags) };
}

/** Policy names may be longer than user names: both names are made from a hash of the ARN. */
function keeper(arn: string): string {
  return `managed-policy-${hash(arn)}`;
}

function attachment(arn: string): string {
  return `attached-${hash(arn)}`;
}

function hash(arn: string): string {
  return createHash("sha256").update(arn).digest("hex").slice(0, 32);
}

async function attachedUsers(aws: Aws, arn: string): Promise<string[]> {
  const attached: string[] = [];
  for await (const { Users = [] } of paginateListUsers({ client: aws.iam }, {})) {
    for (const { UserName } of Users) {
      for await (const { PolicyNames = [] } of paginateListUserPolicies({ client: aws.iam }, { UserName })) {
        if (UserName && PolicyNames.includes(attachment(arn))) attached.push(UserName);
      }
    }
  }
  return attached;
}

/** User names hold no slash. */
function split(id: string): [user: string, policyArn: string] {
  const at = id.indexOf("/");
  return [id.slice(0, at), id.slice(at + 1)];
}

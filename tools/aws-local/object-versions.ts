import {
  ListObjectVersionsCommand,
  type ListObjectVersionsCommandOutput,
  type ObjectIdentifier,
} from "@aws-sdk/client-s3";
import type { Aws } from "./aws.ts";

/** Every version and every delete marker, page by page: a bucket without versioning has one version of each. */
export async function* objectVersions(aws: Aws, Bucket: string, Prefix?: string): AsyncGenerator<ObjectIdentifier[]> {
  let next: Pick<ListObjectVersionsCommandOutput, "NextKeyMarker" | "NextVersionIdMarker"> = {};
  for (;;) {
    const page: ListObjectVersionsCommandOutput = await aws.s3.send(
      new ListObjectVersionsCommand({
        Bucket,
        Prefix,
        KeyMarker: next.NextKeyMarker,
        VersionIdMarker: next.NextVersionIdMarker,
      }),
    );
    yield [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key = "", VersionId }) => ({
      Key,
      VersionId,
    }));
    if (!page.IsTruncated) return;
    next = page;
  }
}

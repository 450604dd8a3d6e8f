import { readOperation, type Tx, writeOperation } from "../catalogue/catalogue.ts";
import { LOCKS } from "../catalogue/locks.ts";
import type { AgentProfilesTable } from "../catalogue/schema.ts";
import { type Refusal, refuse } from "../errors.ts";
import { type BucketId, brandId, parseId, type TeamId } from "../ids.ts";
import { AGENT_LIMITS } from "./limits.ts";

/** A named agent of a team: which buckets it answers from, and how (AGT-2). */
export interface Profile {
  readonly profileId: string;
  readonly name: string;
  /** Empty = all active buckets. */
  readonly bucketIds: readonly BucketId[];
  readonly instructions: string;
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface ProfileChanges extends Partial<Pick<Profile, "name" | "instructions" | "enabled">> {
  /** As sent: what is no bucket of the team, whatever it is, is refused. */
  readonly bucketIds?: readonly string[];
}

interface ProfileRef {
  readonly teamId: TeamId;
  readonly profileId: string;
}

const lockProfiles = ({ teamId }: { readonly teamId: TeamId }) => [LOCKS.profiles(teamId)];

export const createProfile = writeOperation(
  "agents.createProfile",
  lockProfiles,
  async (tx, { teamId, profileId, ...wanted }: ProfileRef & Required<ProfileChanges>): Promise<Profile | Refusal> => {
    const { db, now } = tx;
    const others = await db.selectFrom("agent_profiles").select("profile_id").where("team_id", "=", teamId).execute();
    if (others.some((other) => other.profile_id === profileId))
      return refuse("conflict", { message: `There is a profile ${profileId} already: PATCH changes it.` });
    if (others.length >= AGENT_LIMITS.profilesPerTeam)
      return refuse("conflict", {
        message: `A team has at most ${AGENT_LIMITS.profilesPerTeam} profiles: delete one first.`,
      });
    const unknown = await unknownBuckets(tx, teamId, wanted.bucketIds);
    if (unknown !== null) return unknown;
    const row = { ...rowOf(wanted), team_id: teamId, profile_id: profileId, created_at: now, updated_at: now };
    await db.insertInto("agent_profiles").values(row).execute();
    return toProfile(row);
  },
);

export const updateProfile = writeOperation(
  "agents.updateProfile",
  lockProfiles,
  async (tx, { teamId, profileId, changes }: ProfileRef & { changes: ProfileChanges }): Promise<Profile | Refusal> => {
    const row = await rowAt(tx, { teamId, profileId });
    if (row === undefined) return refuse("profile_not_found");
    const unknown = await unknownBuckets(tx, teamId, changes.bucketIds ?? []);
    if (unknown !== null) return unknown;
    const changed = { ...row, ...rowOf({ ...toProfile(row), ...changes }), updated_at: tx.now };
    await tx.db
      .updateTable("agent_profiles")
      .set(changed)
      .where("team_id", "=", teamId)
      .where("profile_id", "=", profileId)
      .execute();
    return toProfile(changed);
  },
);

export const deleteProfile = writeOperation(
  "agents.deleteProfile",
  lockProfiles,
  async ({ db }, { teamId, profileId }: ProfileRef): Promise<Refusal | null> => {
    const { numDeletedRows } = await db
      .deleteFrom("agent_profiles")
      .where("team_id", "=", teamId)
      .where("profile_id", "=", profileId)
      .executeTakeFirst();
    return numDeletedRows === 0n ? refuse("profile_not_found") : null;
  },
);

export const findProfile = readOperation("agents.findProfile", async (tx, ref: ProfileRef): Promise<Profile | null> => {
  const row = await rowAt(tx, ref);
  return row === undefined ? null : toProfile(row);
});

/** By profile_id; at most AGENT_LIMITS.profilesPerTeam. */
export const listProfiles = readOperation(
  "agents.listProfiles",
  async ({ db }, { teamId }: { readonly teamId: TeamId }): Promise<readonly Profile[]> => {
    const rows = await db
      .selectFrom("agent_profiles")
      .selectAll()
      .where("team_id", "=", teamId)
      .orderBy("profile_id")
      .execute();
    return rows.map(toProfile);
  },
);

/**
 * Which of the buckets a question may be asked of now: what is gone or archived is not searched, and never
 * stands for "all".
 */
export const activeBuckets = readOperation(
  "agents.activeBuckets",
  async (
    { db },
    { teamId, bucketIds }: { readonly teamId: TeamId; readonly bucketIds: readonly BucketId[] },
  ): Promise<readonly BucketId[]> => {
    if (bucketIds.length === 0) return [];
    const rows = await db
      .selectFrom("buckets")
      .select("id")
      .where("team_id", "=", teamId)
      .where("status", "=", "active")
      .where("id", "in", bucketIds)
      .orderBy("id")
      .execute();
    return rows.map(({ id }) => id);
  },
);

async function rowAt({ db }: Tx, { teamId, profileId }: ProfileRef): Promise<AgentProfilesTable | undefined> {
  return db
    .selectFrom("agent_profiles")
    .selectAll()
    .where("team_id", "=", teamId)
    .where("profile_id", "=", profileId)
    .executeTakeFirst();
}

async function unknownBuckets({ db }: Tx, teamId: TeamId, sent: readonly string[]): Promise<Refusal | null> {
  const ids = sent.flatMap((id) => parseId("bucket", id) ?? []);
  const known =
    ids.length === 0
      ? []
      : await db
          .selectFrom("buckets")
          .select("id")
          .where("team_id", "=", teamId)
          .where("deleted_at", "is", null)
          .where("id", "in", ids)
          .execute();
  const unresolved = sent.filter((id) => !known.some((bucket) => bucket.id === id));
  if (unresolved.length === 0) return null;
  return refuse("bucket_assignment_failed", {
    message:
      "Some bucket_ids are no buckets of this team; details.unresolved lists them. GET /v1/knowledge/buckets has the ids.",
    details: { unresolved },
  });
}

function rowOf({ name, bucketIds, instructions, enabled }: Required<ProfileChanges>) {
  return { name, bucket_ids: JSON.stringify(bucketIds), instructions, enabled: enabled ? 1 : 0 };
}

function toProfile(row: AgentProfilesTable): Profile {
  const bucketIds: readonly string[] = JSON.parse(row.bucket_ids);
  return {
    profileId: row.profile_id,
    name: row.name,
    bucketIds: bucketIds.map((id) => brandId("bucket", id)),
    instructions: row.instructions,
    enabled: row.enabled === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

export const profileOperations = [
  createProfile,
  updateProfile,
  deleteProfile,
  findProfile,
  listProfiles,
  activeBuckets,
];

/** The model that every team has: all its active buckets, no instructions. */
export const BASE_MODEL = "calypso-rag-agent" as const;

/** `calypso-rag-agent` or `calypso-rag-agent:{profile_id}`; null = no name of a model. */
export function readModel(name: string): { readonly profileId: string | null } | null {
  if (name === BASE_MODEL) return { profileId: null };
  const prefix = `${BASE_MODEL}:`;
  const profileId = name.slice(prefix.length);
  return name.startsWith(prefix) && isProfileId(profileId) ? { profileId } : null;
}

export function modelOf(profileId: string | null): string {
  return profileId === null ? BASE_MODEL : `${BASE_MODEL}:${profileId}`;
}

/** 1 to 63 of a-z, 0-9 and -, beginning with a letter or a digit. */
export function isProfileId(text: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,62}$/.test(text);
}

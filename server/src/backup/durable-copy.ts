import { copyFile, open } from "node:fs/promises";

/** Mode 0600; the caller syncs the folder. */
export async function copyDurably(source: string, target: string): Promise<void> {
  await copyFile(source, target);
  const file = await open(target, "r+");
  try {
    await file.chmod(0o600);
    await file.sync();
  } finally {
    await file.close();
  }
}

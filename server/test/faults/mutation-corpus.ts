import { zipFile } from "../../src/extraction/fixtures/zip-file.ts";
import { type Random, seededRandom } from "../support/random.ts";
import { mutate, pick } from "./mutate.ts";
import { builtInSeeds, type Seed, seedsOf } from "./mutation-seeds.ts";

export interface MutatedFile {
  readonly number: number;
  readonly filename: string;
  readonly declaredType: string;
  readonly bytes: Buffer;
  /** What it was made from and how, for the reader of a report. */
  readonly story: string;
}

/** Of ten files, so many lie about their type, and so many packages are damaged inside rather than outside. */
const WRONG_TYPE_OF_TEN = 1;
const INSIDE_OF_TEN = 7;
const FILES_PER_SEED = 4_294_967;

/** The damaged files of one seed. File number n is always the same, whatever was read before it. */
export class MutationCorpus {
  readonly #seed: number;
  readonly #folder: string | null;
  readonly #seeds: readonly Seed[];
  readonly #pieces: readonly Buffer[];

  private constructor(seed: number, folder: string | null, seeds: readonly Seed[]) {
    this.#seed = seed;
    this.#folder = folder;
    this.#seeds = seeds;
    this.#pieces = seeds.map(({ bytes }) => bytes);
  }

  static async open(seed: number, address: string, folder: string | null): Promise<MutationCorpus> {
    const more = folder === null ? [] : await seedsOf(folder);
    return new MutationCorpus(seed, folder, [...(await builtInSeeds(address)), ...more]);
  }

  file(number: number): MutatedFile {
    const random = seededRandom((this.#seed * FILES_PER_SEED + number) >>> 0);
    const seed = pick(this.#seeds, random);
    const { bytes, steps, where } = this.#damage(seed, random);
    const lies = random.integer(1, 10) <= WRONG_TYPE_OF_TEN;
    const { filename, declaredType } = lies ? pick(this.#seeds, random) : seed;
    return {
      number,
      filename,
      declaredType,
      bytes,
      story: `${seed.filename}${where}, ${steps.join("+")}${lies ? `, as ${filename}` : ""}`,
    };
  }

  /** The command that reads this file alone. */
  reproduce({ number, story }: MutatedFile): string {
    const folder = this.#folder === null ? "" : ` --seeds ${this.#folder}`;
    return `node server/test/faults/mutations.ts --seed ${this.#seed} --only ${number}${folder} (${story})`;
  }

  #damage({ bytes, parts }: Seed, random: Random) {
    if (parts === null || random.integer(1, 10) > INSIDE_OF_TEN)
      return { ...mutate(bytes, random, this.#pieces), where: "" };
    const victim = pick(parts, random);
    const inner = parts.map((part) => Buffer.from(part.data));
    const { bytes: data, steps } = mutate(Buffer.from(victim.data), random, inner);
    const packed = zipFile(parts.map((part) => (part === victim ? { name: part.name, data } : part)));
    return { bytes: packed, steps, where: ` in ${victim.name}` };
  }
}

import type { Operation, Tx } from "./catalogue.ts";

/** What a thread needs of an operation. The registered ones differ in their types. */
type AnyOperation = Pick<Operation<never, unknown>, "name" | "readOnly" | "run">;

export interface RunnableOperation {
  readonly name: string;
  readonly readOnly: boolean;
  run(tx: Tx, input: unknown): Promise<unknown>;
}

/** By name: how an operation is found again on the other side of a thread boundary. */
export type Operations = ReadonlyMap<string, RunnableOperation>;

/** Throws when two have one name. */
export function registryOf(operations: readonly AnyOperation[]): Operations {
  const byName = new Map<string, AnyOperation>();
  for (const operation of operations) {
    if (byName.has(operation.name)) throw new Error(`two operations are called ${operation.name}`);
    byName.set(operation.name, operation);
  }
  // Name and input cross together, from one call with one typed operation: the input is of its type.
  return byName as ReadonlyMap<string, AnyOperation> as Operations;
}

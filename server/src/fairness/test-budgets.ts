import { NO_METRICS } from "../metrics/metrics.ts";
import { type Budgets, createBudgets } from "./budgets.ts";

/** What a server with a thousand connections has, for tests. */
export function testBudgets(): Budgets {
  return createBudgets(NO_METRICS, 1000);
}

import type { Metrics } from "../metrics/metrics.ts";
import type { TaskHandler, TaskHandlers } from "../tasks/handler.ts";

/** The handlers, with the time of each stage and the outcome of each run counted. */
export function meteredHandlers(handlers: TaskHandlers, metrics: Metrics): TaskHandlers {
  return { index: meteredHandler(handlers.index, metrics), remove: meteredHandler(handlers.remove, metrics) };
}

function meteredHandler(handler: TaskHandler, metrics: Metrics): TaskHandler {
  return async (claim, context) => {
    let stage = "extracting";
    let began = performance.now();
    const enter = (next: string) => {
      if (next === stage) return;
      // A removal has no stages that anybody could mend.
      if (claim.type === "index")
        metrics.observe("wharf_task_stage_seconds", (performance.now() - began) / 1000, { stage });
      stage = next;
      began = performance.now();
    };
    const counted = (outcome: string) => {
      enter("");
      metrics.count("wharf_tasks_total", { type: claim.type, outcome });
    };
    try {
      const outcome = await handler(claim, {
        signal: context.signal,
        movedToSlowLane: () => context.movedToSlowLane(),
        report(report) {
          enter(report.stage);
          context.report(report);
        },
      });
      counted(outcome.kind);
      return outcome;
    } catch (error) {
      counted("defect");
      throw error;
    }
  };
}

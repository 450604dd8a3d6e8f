import { LIMITS } from "./limits.ts";

/**
 * Calls `fire` after `ms`. A timer that fires more than limits.lateTimerMs late slept with the process (SIGSTOP,
 * suspend), and what it guards had no chance to go on: it arms once more. Returns the way to cancel it.
 */
export function startDeadline(ms: number, fire: () => void): () => void {
  let timer: NodeJS.Timeout;
  const arm = (mayRearm: boolean): void => {
    const armedAt = performance.now();
    timer = setTimeout(() => {
      const late = performance.now() - armedAt - ms > LIMITS.lateTimerMs;
      if (late && mayRearm) arm(false);
      else fire();
    }, ms);
  };
  arm(true);
  return () => clearTimeout(timer);
}

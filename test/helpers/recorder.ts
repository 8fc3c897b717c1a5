import { RunError, type Run } from "../../scripts/terminal/run-program";

type Answer = string | RunError;

/**
 * Records every command. The first pattern that matches determines the reply, which is empty if none matches. If a
 * pattern has several replies, they are used in order, and the last one repeats.
 */
export function recorder(answers: readonly (readonly [RegExp, ...Answer[]])[] = []) {
  const commands: string[] = [];
  const inputs: string[] = [];
  const left = answers.map(([pattern, ...all]) => ({ pattern, all }));
  const run: Run = (program, args, options) => {
    const command = [program, ...args].join(" ");
    commands.push(command);
    if (options?.input !== undefined) inputs.push(options.input);
    const found = left.find(({ pattern }) => pattern.test(command));
    const answer = (found && found.all.length > 1 ? found.all.shift() : found?.all[0]) ?? "";
    return answer instanceof RunError
      ? Promise.reject(answer)
      : Promise.resolve({ code: 0, stdout: answer, stderr: "" });
  };
  return { run, commands, inputs };
}

/** The error raised for a program that is not installed. */
export const notInstalled = (program: string) => new RunError(program, undefined, "", `${program} is not installed`);

import { ConfigError, parseConfig } from "../../config";

export const parse = (input: object) => parseConfig(input, { home: "/home/someone", kubeconfigEnv: undefined });

/** A configuration's problems, one per line, or "accepted". */
export const refusal = (input: object): string => {
  try {
    parse(input);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join("\n");
    throw error;
  }
  return "accepted";
};

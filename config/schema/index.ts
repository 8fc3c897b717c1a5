/** What a user can set: every section with its defaults and descriptions, and what must fit together. */
import { crossChecks } from "./cross-checks";
import { sections } from "./sections";

export const configSchema = sections.superRefine(crossChecks);

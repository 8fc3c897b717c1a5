/** The schema: every section with its defaults and descriptions, and the checks across sections. */
import { crossChecks } from "./cross-checks";
import { sections } from "./sections";

export const configSchema = sections.superRefine(crossChecks);

/** Component tests use the English texts, and a long timeout for busy machines. French is covered in test/browser. */
import { configure } from "@testing-library/react";
import { loadTexts } from "../src/text";

configure({ asyncUtilTimeout: 5000 });
await loadTexts(["en"]);

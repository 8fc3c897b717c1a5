/** Component tests use English texts; a long timeout suits busy machines. French is covered in test/browser. */
import { configure } from "@testing-library/react";
import { loadTexts } from "../src/text";

configure({ asyncUtilTimeout: 5000 });
await loadTexts(["en"]);

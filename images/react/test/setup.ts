/** English for the components' tests (the browser tests speak French too), and patience. */
import { configure } from "@testing-library/react";
import { speak } from "../src/text";

configure({ asyncUtilTimeout: 5000 });
await speak(["en"]);

/** English for the components' tests; the browser tests speak French too. */
import { speak } from "../src/text";

await speak(["en"]);

import { imagesAreCurrent } from "../../../scripts/deploy/layers";
import { toBuild } from "../../../scripts/deploy/preflight";
import { builtImages, DIGEST, testConfig } from "../../helpers/layers";

describe("layer images", () => {
  const config = testConfig();
  const outputs = {
    node_image: `localhost:5000/iacproject-node@${DIGEST}`,
    react_image: `localhost:5000/iacproject-react@${DIGEST}`,
  };
  it("needs no Docker if the registry contains the images in the layer's outputs", () => {
    expect(imagesAreCurrent(config, builtImages("held"), outputs)).toBe(true);
    expect(toBuild(builtImages("held"))).toEqual([]);
  });
  it.each([
    ["a tag is missing", builtImages("absent"), outputs],
    ["the registry was not reached", builtImages("unreachable"), outputs],
    ["nothing was deployed", builtImages("held"), {}],
    ["the digest differs", builtImages("held"), { ...outputs, node_image: "localhost:5000/iacproject-node@sha256:00" }],
  ])("must be planned if %s", (_, images, out) => {
    expect(imagesAreCurrent(config, images, out)).toBe(false);
  });
});

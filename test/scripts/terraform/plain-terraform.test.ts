import { plainTerraform } from "../../../scripts/terraform/plain-terraform";

const options = { to: "/out/terraform/layers/app", project: "/home/me/project" };

describe("a layer as plain Terraform", () => {
  it("has no cdktf comments, at any depth", () => {
    const stack = { "//": { metadata: {} }, resource: { a: { b: { "//": { metadata: {} }, name: "x" } } } };
    expect(plainTerraform(stack, options)).toEqual({ resource: { a: { b: { name: "x" } } } });
  });
  it("refers to the project's files by relative paths, and leaves all other paths unchanged", () => {
    const stack = {
      terraform: { backend: { local: { path: "/home/me/project/.state/app.tfstate" } } },
      paths: ["/home/me/project", "/home/me/project-b/x", "/etc/redis", "../../../modules/charts/scaled-object"],
    };
    expect(plainTerraform(stack, options)).toEqual({
      terraform: { backend: { local: { path: "../../../../home/me/project/.state/app.tfstate" } } },
      paths: [
        "../../../../home/me/project",
        "/home/me/project-b/x",
        "/etc/redis",
        "../../../modules/charts/scaled-object",
      ],
    });
  });
  it("keeps numbers, booleans, nulls and expressions unchanged", () => {
    const stack = { a: 1, b: false, c: null, d: "${one(x[*].y)}", e: [[2]] };
    expect(plainTerraform(stack, options)).toEqual(stack);
  });
});

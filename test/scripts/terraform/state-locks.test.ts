import type { KubeObject } from "../../../scripts/cluster/kubectl";
import { lockOf, unlockCommand } from "../../../scripts/terraform/state-locks";

describe("the lock of a state in the cluster", () => {
  const lease = (holder: string | undefined, info?: string): KubeObject => ({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "a", ...(info ? { annotations: { "app.terraform.io/lock-info": info } } : {}) },
    spec: holder ? { holderIdentity: holder } : {},
  });
  it("a lock is shown with its holder, operation and time, and the command that releases it", () => {
    const info = { ID: "1-2", Who: "ada@laptop", Operation: "OperationTypeApply", Created: "2026-01-02T03:04:05.6Z" };
    const lock = lockOf(lease("1-2", JSON.stringify(info)), "data")!;
    expect(lock.text).toBe("held by ada@laptop (apply) since 2026-01-02 03:04:05 UTC");
    expect(unlockCommand("tofu", lock)).toBe("tofu -chdir=cdktf.out/stacks/data force-unlock 1-2");
  });
  it("a lock without a holder does not count, but one with unreadable information does", () => {
    expect(lockOf(lease(undefined), "data")).toBeUndefined();
    expect(lockOf(lease("9-9", "not JSON"), "data")).toMatchObject({
      id: "9-9",
      text: "held by an unknown user (a run)",
    });
  });
});

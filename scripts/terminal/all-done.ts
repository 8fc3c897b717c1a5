/**
 * The results of all promises, in order. Unlike `Promise.all`, it reports the first failure only after every promise
 * has settled, so that nothing is still running at that point.
 */
export async function allDone<T>(promises: Iterable<Promise<T>>): Promise<T[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((one) => {
    if (one.status === "rejected") throw one.reason;
    return one.value;
  });
}

import { useGreeting } from "./queries";

/** Which API server answered last: during a scale-out it changes. */
export function ServerLine() {
  const { data, error } = useGreeting();
  if (error) return <p className="server error">{error.message}</p>;
  const server = data?.split(" ").at(-2);
  return (
    <p className="server">
      {server ? (
        <>
          answered by server <code>{server.slice(0, 8)}</code>
        </>
      ) : (
        "connecting…"
      )}
    </p>
  );
}

/** Commands that a user was not allowed, from the answer to `ACL LOG` as `redis-cli --raw` prints it. */
export const refusedCommands = (log: string): string[] =>
  // wrong passwords are in it too
  [...log.trim().matchAll(/^reason\ncommand\n[^]*?^username\n.*$/gm)].map(([entry]) => entry.replaceAll("\n", " "));

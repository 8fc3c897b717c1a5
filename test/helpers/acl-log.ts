/** Commands that Redis denied to users, from the reply to `ACL LOG` as `redis-cli --raw` prints it. */
export const refusedCommands = (log: string): string[] =>
  // skips entries for wrong passwords
  [...log.trim().matchAll(/^reason\ncommand\n[^]*?^username\n.*$/gm)].map(([entry]) => entry.replaceAll("\n", " "));

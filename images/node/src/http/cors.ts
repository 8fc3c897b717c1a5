/** Handles cross-origin requests and their preflights. */
import type { IncomingMessage, ServerResponse } from "node:http";

export function allowOrigin(allowedOrigins: readonly string[], origin: string, response: ServerResponse): void {
  if (allowedOrigins.includes("*")) {
    response.setHeader("access-control-allow-origin", "*");
  } else {
    response.setHeader("vary", "Origin");
    if (allowedOrigins.includes(origin)) response.setHeader("access-control-allow-origin", origin);
  }
}

export function answerPreflight(request: IncomingMessage, response: ServerResponse, methods: readonly string[]): void {
  response.writeHead(204, {
    "access-control-allow-methods": methods.join(", "),
    "access-control-allow-headers": request.headers["access-control-request-headers"] ?? "content-type",
    "access-control-max-age": "86400",
  });
  response.end();
}

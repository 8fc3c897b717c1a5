/** Sample output of `kubectl logs --prefix --timestamps` from the API, nginx and Redis. */
export const api =
  '[pod/node-1/node] 2026-01-02T03:04:05.678901234Z {"level":"warn","message":"request slow","request":"abc-12345","ms":1200}';
export const nginx =
  '[pod/react-1/react] 2026-01-02T03:04:05.678901234Z {"time":"x","request":"abc-12345","route":"/api/item","status":200}';
export const redis =
  "[pod/redis-main-0/redis] 2026-01-02T03:04:05.678901234Z 1:M 02 Jan 2026 03:04:05.678 * Ready to accept connections";

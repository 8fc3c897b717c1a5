# Turns nginx's log into Prometheus metrics: nginx itself counts only connections, not responses.
# Input: "route method status seconds bytes" per request, and "tick" once per second, which writes changes to `out`.
BEGIN {
  buckets = split("0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 10", le, " ")
  write()
}
$1 == "tick" {
  # average over 2 s: smooth enough for autoscaling, and still recent
  rate = (now + before) / 2
  before = now
  now = 0
  if (changed || rate != shown) write()
  next
}
NF == 5 {
  key = "route=\"" $1 "\",method=\"" $2 "\",status=\"" $3 "\""
  count[key]++
  now++
  sum[key] += $4
  bytes[key] += $5
  for (i = buckets; i > 0 && $4 <= le[i]; i--) bucket[key, i]++
  changed = 1
}
function head(name, type, help) {
  print "# HELP " name " " help "\n# TYPE " name " " type > (out ".new")
}
function write(    key, i) {
  head("nginx_http_request_duration_seconds", "histogram", "Time from the first byte of the request to the last byte of the response, by route, method and status")
  for (key in count) {
    for (i = 1; i <= buckets; i++)
      printf "nginx_http_request_duration_seconds_bucket{%s,le=\"%s\"} %d\n", key, le[i], bucket[key, i] > (out ".new")
    printf "nginx_http_request_duration_seconds_bucket{%s,le=\"+Inf\"} %d\n", key, count[key] > (out ".new")
    printf "nginx_http_request_duration_seconds_sum{%s} %.3f\n", key, sum[key] > (out ".new")
    printf "nginx_http_request_duration_seconds_count{%s} %d\n", key, count[key] > (out ".new")
  }
  head("nginx_http_response_bytes_total", "counter", "Bytes of responses, headers included")
  for (key in bytes) printf "nginx_http_response_bytes_total{%s} %.0f\n", key, bytes[key] > (out ".new")
  head("nginx_http_requests_per_second", "gauge", "Requests answered per second, over the last 2 s")
  printf "nginx_http_requests_per_second %.1f\n", rate > (out ".new")
  shown = rate
  # nginx fills these in at each scrape
  head("nginx_connections", "gauge", "Connections by state")
  for (i = split("reading writing waiting", state, " "); i > 0; i--)
    print "nginx_connections{state=\"" state[i] "\"} <!--# echo var=\"connections_" state[i] "\" -->" > (out ".new")
  head("nginx_connections_total", "counter", "Connections opened since nginx started, including those to the API")
  print "nginx_connections_total <!--# echo var=\"connection\" -->" > (out ".new")
  close(out ".new")
  # renamed atomically, so that a scrape never reads half a file
  system("mv " out ".new " out)
  changed = 0
}

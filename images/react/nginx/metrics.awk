# Makes Prometheus text of nginx's log: nginx itself counts connections, not answers.
# Lines in: "route method status seconds bytes", or "tick" once a second, at which what has changed is written to `out`.
BEGIN {
  buckets = split("0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 10", le, " ")
  write()
}
$1 == "tick" {
  # of two seconds: calm enough to be steered by, and new enough
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
  head("nginx_http_request_duration_seconds", "histogram", "From a request's first byte to its answer's last, by what was asked for")
  for (key in count) {
    for (i = 1; i <= buckets; i++)
      printf "nginx_http_request_duration_seconds_bucket{%s,le=\"%s\"} %d\n", key, le[i], bucket[key, i] > (out ".new")
    printf "nginx_http_request_duration_seconds_bucket{%s,le=\"+Inf\"} %d\n", key, count[key] > (out ".new")
    printf "nginx_http_request_duration_seconds_sum{%s} %.3f\n", key, sum[key] > (out ".new")
    printf "nginx_http_request_duration_seconds_count{%s} %d\n", key, count[key] > (out ".new")
  }
  head("nginx_http_response_bytes_total", "counter", "Bytes of answers, headers included")
  for (key in bytes) printf "nginx_http_response_bytes_total{%s} %.0f\n", key, bytes[key] > (out ".new")
  head("nginx_http_requests_per_second", "gauge", "Requests answered each second, over the last 2 s")
  printf "nginx_http_requests_per_second %.1f\n", rate > (out ".new")
  shown = rate
  # filled in by nginx at each scrape
  head("nginx_connections", "gauge", "Connections by what they are doing")
  for (i = split("reading writing waiting", state, " "); i > 0; i--)
    print "nginx_connections{state=\"" state[i] "\"} <!--# echo var=\"connections_" state[i] "\" -->" > (out ".new")
  head("nginx_connections_total", "counter", "Connections opened since start, those to the API included")
  print "nginx_connections_total <!--# echo var=\"connection\" -->" > (out ".new")
  close(out ".new")
  # at once, so that nobody reads half of it
  system("mv " out ".new " out)
  changed = 0
}

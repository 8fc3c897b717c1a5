package main

import (
	"bufio"
	"encoding/json"
	"math"
	"os"
	"sort"
	"strconv"
	"time"

	"github.com/anishathalye/porcupine"
)

// Every step here weakens the history, so a contradiction in what remains is also one in the whole history.

// A picture with more operations than this is unreadable.
const pictureLimit = 300

// Limit for one check while a violation is narrowed down.
const stepLimit = 5 * time.Second

// findWindow looks for a violation in short parts of the history, which is faster than searching all of it. It returns
// nil if there is none in any part; a violation can be larger than a part.
func findWindow(all []operation) ([]operation, state) {
	sorted := until(all, math.MaxInt64)
	for _, size := range []int{50, 400} {
		for i := 0; i < len(sorted); i += size {
			end := sorted[min(len(sorted), i+size)-1].Call
			part := sorted[:sort.Search(len(sorted), func(j int) bool { return sorted[j].Call > end })]
			start := absent
			if i > size {
				part, start = from(part, sorted[i-size].Call), anything
			}
			part = until(part, end)
			if check(part, start, stepLimit) == porcupine.Illegal {
				return part, start
			}
		}
	}
	return nil, absent
}

// narrow returns the shortest part of a violating history that no order explains, which ends with the first operation
// that cannot be explained, and the state before that part.
func narrow(all []operation, start state, limit time.Duration) ([]operation, state) {
	ends := make([]int64, len(all))
	for i, o := range all {
		ends[i] = o.Latest
	}
	sort.Slice(ends, func(i, j int) bool { return ends[i] < ends[j] })
	first := sort.Search(len(ends)-1, func(i int) bool {
		return check(until(all, ends[i]), start, limit) == porcupine.Illegal
	})
	window := until(all, ends[first])
	// starting later can only lose the contradiction
	found := sort.Search(len(window), func(i int) bool {
		return check(from(window, window[len(window)-1-i].Call), anything, stepLimit) == porcupine.Illegal
	})
	if found == len(window) {
		return window, start
	}
	return from(window, window[len(window)-1-found].Call), anything
}

// until returns the history as known at a given moment, sorted by call: a write in flight may or may not have taken
// effect, and a read in flight had no answer yet.
func until(all []operation, moment int64) []operation {
	var out []operation
	for _, o := range all {
		if o.Call > moment || (o.Latest > moment && o.Kind == "read") {
			continue
		}
		if o.Latest > moment {
			o.Optional = true
			o.Latest = moment
		}
		out = append(out, o)
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Call < out[j].Call })
	return out
}

// from returns the history from a given moment on: a write in flight may have taken effect before, and a read in flight
// proves nothing.
func from(ops []operation, moment int64) []operation {
	var out []operation
	for i := range ops {
		if ops[i].Latest < moment {
			continue
		}
		o := ops[i]
		if o.Call < moment {
			if o.Kind == "read" {
				continue
			}
			o.Optional, o.early = true, true
			o.Call = moment
		}
		out = append(out, o)
	}
	return out
}

// minimize removes operations as long as a contradiction remains.
func minimize(ops []operation, start state, end time.Time) []operation {
	illegal := func(kept []operation) bool {
		return time.Now().Before(end) && check(kept, start, stepLimit) == porcupine.Illegal
	}
	for {
		before := len(ops)
		// a value: its set, and all reads of it
		ops = drop(ops, func(o operation) (string, bool) {
			if o.Value == nil {
				return "", false
			}
			return *o.Value, true
		}, illegal)
		// a read
		ops = drop(ops, func(o operation) (string, bool) { return strconv.Itoa(o.line), o.Kind == "read" }, illegal)
		// a delete that explains no read
		idle := map[int]bool{}
		for i, needed := range neededDeletes(ops) {
			idle[ops[i].line] = !needed
		}
		ops = drop(ops, func(o operation) (string, bool) { return strconv.Itoa(o.line), o.Kind == "delete" && idle[o.line] }, illegal)
		if len(ops) == before {
			return ops
		}
	}
}

// drop removes groups of operations that can be removed together: first half of the groups at once, then fewer and
// fewer.
func drop(ops []operation, group func(operation) (string, bool), illegal func([]operation) bool) []operation {
	var names []string
	seen := map[string]bool{}
	for _, o := range ops {
		if name, ok := group(o); ok && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	for size := (len(names) + 1) / 2; size > 0; size /= 2 {
		for from := 0; from < len(names); {
			to := min(from+size, len(names))
			gone := map[string]bool{}
			for _, name := range names[from:to] {
				gone[name] = true
			}
			var kept []operation
			for _, o := range ops {
				if name, ok := group(o); !ok || !gone[name] {
					kept = append(kept, o)
				}
			}
			if illegal(kept) {
				ops = kept
				names = append(names[:from:from], names[to:]...)
			} else {
				from = to
			}
		}
	}
	return ops
}

// origins returns the operations that set the values read in the core, if the core does not contain them: only people
// who read the text need them.
func origins(core, all []operation) []operation {
	missing := map[string]bool{}
	for _, o := range core {
		if o.Value != nil {
			missing[*o.Value] = true
		}
	}
	for _, o := range core {
		if o.Kind == "set" {
			delete(missing, *o.Value)
		}
	}
	var out []operation
	for _, o := range all {
		if o.Kind == "set" && missing[*o.Value] {
			out = append(out, o)
		}
	}
	return out
}

func writeHistory(file string, ops []operation) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	for _, o := range ops {
		if err := json.NewEncoder(w).Encode(o); err != nil {
			return err
		}
	}
	return w.Flush()
}

// draw writes porcupine's picture of the window, or of the core alone if the window is too large.
func draw(file string, window, core []operation, start state) error {
	shown := simplify(window)
	if len(shown) > pictureLimit {
		shown = simplify(core)
	}
	// an unknown write overlaps what its client did afterwards, so it gets a separate line
	clients := map[[2]int]int{}
	for i, o := range shown {
		lane := [2]int{o.Client, -1}
		if o.Optional {
			lane[1] = i
		}
		if _, ok := clients[lane]; !ok {
			clients[lane] = len(clients)
		}
		shown[i].Client = clients[lane]
	}
	m := model(start, shown)
	_, info := porcupine.CheckOperationsVerbose(m, forChecker(shown), stepLimit)
	return porcupine.VisualizePath(m, info, file)
}

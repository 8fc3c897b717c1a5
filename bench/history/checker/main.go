// Command checker reads the operations of a history and checks, key by key, whether a single order of the operations
// explains every answer (linearizability). Usage: checker [flags] <OPERATIONS >VERDICTS. One operation per line, as
// JSON; the verdicts are one JSON array.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// operation is one line of the input. Times are in microseconds, from one monotonic clock.
type operation struct {
	Key    string `json:"key"`
	Client int    `json:"client"`
	// set, delete or read
	Kind string `json:"kind"`
	// the value that was set or read; absent for a delete and for a read that found nothing
	Value *string `json:"value"`
	Call  int64   `json:"call"`
	// the latest time at which it took effect
	Latest int64 `json:"latest"`
	// it may also never take effect
	Optional bool `json:"optional"`
	// its call was before the part of the history that is being checked
	early bool
	// position in the input
	line int
}

type verdict struct {
	Key        string  `json:"key"`
	Verdict    string  `json:"verdict"`
	Operations int     `json:"operations"`
	Seconds    float64 `json:"seconds"`
	// for a violation: the lines of the operations that contradict each other, and the files that show their context
	Core    []int  `json:"core,omitempty"`
	Picture string `json:"picture,omitempty"`
	History string `json:"history,omitempty"`
}

func main() {
	out := flag.String("out", ".", "folder for pictures and histories of violations")
	limit := flag.Duration("limit", time.Minute, "time limit per key")
	flag.Parse()
	byKey, err := parse(os.Stdin)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(checkAll(byKey, *limit, *out))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func parse(input io.Reader) (map[string][]operation, error) {
	byKey := map[string][]operation{}
	lines := bufio.NewScanner(input)
	lines.Buffer(nil, 1<<22)
	for line := 0; lines.Scan(); line++ {
		o := operation{line: line}
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return nil, fmt.Errorf("line %d: %w", line+1, err)
		}
		if o.Latest < o.Call || (o.Kind == "set") != (o.Kind != "read" && o.Value != nil) {
			return nil, fmt.Errorf("line %d: impossible operation %s", line+1, lines.Text())
		}
		byKey[o.Key] = append(byKey[o.Key], o)
	}
	return byKey, lines.Err()
}

// checkAll checks all keys, as many at once as there are processors.
func checkAll(byKey map[string][]operation, limit time.Duration, out string) []verdict {
	keys := make([]string, 0, len(byKey))
	for key := range byKey {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	verdicts := make([]verdict, len(keys))
	slots := make(chan struct{}, runtime.NumCPU())
	var all sync.WaitGroup
	for i, key := range keys {
		all.Add(1)
		slots <- struct{}{}
		go func() {
			defer all.Done()
			defer func() { <-slots }()
			verdicts[i] = checkKey(key, byKey[key], limit, out)
		}()
	}
	all.Wait()
	return verdicts
}

func checkKey(key string, all []operation, limit time.Duration, out string) verdict {
	begin := time.Now()
	v := verdict{Key: key, Operations: len(all)}
	window, start := findWindow(all)
	result := porcupine.CheckResult(porcupine.Illegal)
	if window == nil {
		result = check(all, absent, limit)
	}
	v.Verdict = strings.ToLower(string(result))
	v.Seconds = time.Since(begin).Seconds()
	if result != porcupine.Illegal {
		return v
	}
	if window == nil {
		window, start = all, absent
	}
	window, start = narrow(window, start, limit)
	core := minimize(window, start, time.Now().Add(limit))
	for _, o := range append(core, origins(core, all)...) {
		v.Core = append(v.Core, o.line)
	}
	sort.Ints(v.Core)
	name := filepath.Join(out, strings.Map(fileSafe, key))
	v.History = name + ".jsonl"
	v.Picture = name + ".html"
	if err := writeHistory(v.History, window); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err := draw(v.Picture, window, core, start); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return v
}

func fileSafe(r rune) rune {
	if strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-", r) {
		return r
	}
	return '_'
}

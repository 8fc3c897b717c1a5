package main

import (
	"math"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

// state of one key: a value, no value, or not known yet.
type state struct {
	known   bool
	present bool
	value   string
}

var (
	absent = state{known: true}
	// the state at the start of a partial history: the first read shows what it was
	anything = state{}
)

// step returns the state after an operation, and whether the operation is consistent with the state before it.
func step(before state, o operation) (state, bool) {
	after := state{known: true}
	if o.Value != nil {
		after.present, after.value = true, *o.Value
	}
	return after, o.Kind != "read" || !before.known || before == after
}

// model describes one key that starts in the given state, for these operations.
func model(start state, ops []operation) porcupine.Model {
	describeOperation := func(input, _ interface{}) string { return describe(input.(operation)) }
	for _, o := range ops {
		if o.Optional {
			m := optionalModel(start)
			m.DescribeOperation = describeOperation
			return m
		}
	}
	return porcupine.Model{
		Init: func() interface{} { return start },
		Step: func(before, input, _ interface{}) (bool, interface{}) {
			after, ok := step(before.(state), input.(operation))
			return ok, after
		},
		DescribeOperation: describeOperation,
		DescribeState:     func(s interface{}) string { return describeState(s.(state)) },
	}
}

// optionalModel allows operations that may never take effect, and therefore lead to two possible states; it is slower.
func optionalModel(start state) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []interface{} { return []interface{}{start} },
		Step: func(before, input, _ interface{}) []interface{} {
			s, o := before.(state), input.(operation)
			after, ok := step(s, o)
			switch {
			case !ok:
				return nil
			case o.Optional && s != after:
				return []interface{}{s, after}
			}
			return []interface{}{after}
		},
		DescribeState: func(s interface{}) string { return describeState(s.(state)) },
	}
	return m.ToModel()
}

func describe(o operation) string {
	text := o.Kind
	switch {
	case o.Value != nil:
		text += " " + *o.Value
	case o.Kind == "read":
		text += " nothing"
	}
	if o.Optional {
		text += " (unknown)"
	}
	return text
}

func describeState(s state) string {
	switch {
	case !s.known:
		return "anything"
	case !s.present:
		return "nothing"
	}
	return s.value
}

// check reports whether a single order of the operations explains every answer.
func check(ops []operation, start state, limit time.Duration) porcupine.CheckResult {
	ops = simplify(ops)
	return porcupine.CheckOperationsTimeout(model(start, ops), forChecker(ops), limit)
}

func forChecker(ops []operation) []porcupine.Operation {
	out := make([]porcupine.Operation, len(ops))
	for i, o := range ops {
		// porcupine needs no output, because an operation holds both input and output
		out[i] = porcupine.Operation{ClientId: o.Client, Input: o, Call: o.Call, Return: o.Latest}
	}
	return out
}

// simplify removes optional operations that cannot matter, and marks those that must have taken effect as required.
// Every set has its own value. A set that may not have taken effect, and whose value no client read, can be left out; a
// set whose value was read took effect before that read ended. Only deletes that may explain a read of nothing remain
// optional.
func simplify(ops []operation) []operation {
	read := map[string]int64{}
	for _, o := range ops {
		if o.Kind != "read" || o.Value == nil {
			continue
		}
		if first, ok := read[*o.Value]; !ok || o.Latest < first {
			read[*o.Value] = o.Latest
		}
	}
	out := make([]operation, 0, len(ops))
	for _, o := range ops {
		if o.Kind == "set" {
			first, isRead := read[*o.Value]
			if o.Optional && !isRead {
				continue
			}
			// an early set may have set the value before the start
			o.Optional = o.Optional && o.early
			if isRead && !o.Optional {
				// not before its call: that is a contradiction, which is found in any case
				o.Latest = max(o.Call, min(o.Latest, first))
			}
		}
		out = append(out, o)
	}
	needed := neededDeletes(out)
	kept := out[:0]
	for i, o := range out {
		if o.Kind != "delete" || !o.Optional || needed[i] {
			kept = append(kept, o)
		}
	}
	return kept
}

// neededDeletes marks the deletes that may explain at least one read of nothing. A delete cannot explain a read that
// had ended before it, nor one that began after another write that itself began after the delete.
func neededDeletes(ops []operation) []bool {
	var reads, writes []operation
	for _, o := range ops {
		switch {
		case o.Kind == "read" && o.Value == nil:
			reads = append(reads, o)
		case o.Kind != "read" && !o.Optional:
			writes = append(writes, o)
		}
	}
	sort.Slice(writes, func(i, j int) bool { return writes[i].Call < writes[j].Call })
	// for each position, the earliest end of a write from there on
	ends := make([]int64, len(writes)+1)
	ends[len(writes)] = math.MaxInt64
	for i := len(writes) - 1; i >= 0; i-- {
		ends[i] = min(ends[i+1], writes[i].Latest)
	}
	needed := make([]bool, len(ops))
	for i, o := range ops {
		if o.Kind != "delete" {
			continue
		}
		next := sort.Search(len(writes), func(j int) bool { return writes[j].Call > o.Latest })
		for _, r := range reads {
			if r.Latest >= o.Call && r.Call <= ends[next] {
				needed[i] = true
				break
			}
		}
	}
	return needed
}

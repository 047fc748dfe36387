package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// units are what is judged in a table of benchstat. These hardly depend on the machine.
var units = map[string]struct {
	what       string
	more, free float64 // How much more there may be, as a part of what there was, and besides.
}{
	"allocs/op": {"allocations of", moreAllocs, freeAllocs},
	"B/session": {"heap of a session, by", moreHeap, 0},
}

// allocations judges the allocations of each benchmark in a table of benchstat, and the heap of a session, where the columns are the old
// tree and the new. Such a file has a table for each package and unit, and begins each with the names of the trees and the units. A
// benchmark that only one tree has is not judged.
func allocations(table io.Reader) (found []finding, err error) {
	lines := csv.NewReader(table)
	lines.FieldsPerRecord = -1
	var (
		pkg, unit string
		old, new  int // Columns. 0: this table tells nothing that is judged.
	)
	for {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if name, ok := strings.CutPrefix(line[0], "pkg: "); ok {
			pkg = name[strings.LastIndex(name, "/")+1:]
		}
		if line[0] == "" && len(line) > 1 { // A head: trees, or units.
			old, new = 0, 0
			for unit = range units {
				if first := slices.Index(line, unit); first > 0 {
					if second := slices.Index(line[first+1:], unit); second >= 0 {
						old, new = first, first+1+second
					}
					break
				}
			}
			continue
		}
		if old == 0 || len(line) <= new || line[0] == "geomean" || line[old] == "" || line[new] == "" {
			continue
		}
		f := finding{what: fmt.Sprintf("%s %s %s", units[unit].what, pkg, line[0])}
		for column, to := range map[int]*float64{old: &f.old, new: &f.new} {
			if *to, err = strconv.ParseFloat(line[column], 64); err != nil {
				return nil, fmt.Errorf("%s: %w", f.what, err)
			}
		}
		f.bound = f.old*(1+units[unit].more) + units[unit].free
		f.worse = f.new > f.bound
		found = append(found, f)
	}
	if len(found) == 0 {
		return nil, errors.New("there are no allocations that both trees have")
	}
	return found, nil
}

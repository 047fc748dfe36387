package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// ratios are those of Beckon to the bare relay, by what is compared; one for each report.
type ratios map[string][]float64

// judged are those that decide, and whether more is better. The time that 99% of the calls take is not among them: it depends
// on the machine's other work the most.
var judged = []struct {
	what   string
	better bool
}{
	{"server CPU for a relay", false},
	{"relays", true},
}

// add adds what a report says.
func (r ratios) add(report []byte) error {
	var of struct {
		Comparison struct {
			Rows []struct {
				What  string
				Ratio float64
			}
		}
	}
	if err := json.Unmarshal(report, &of); err != nil {
		return err
	}
	if len(of.Comparison.Rows) == 0 {
		return errors.New("nothing is compared in it")
	}
	for _, row := range of.Comparison.Rows {
		r[row.What] = append(r[row.What], row.Ratio)
	}
	return nil
}

// judgeRatios judges the medians: they may be worse by that part of what they were.
func judgeRatios(was, is ratios, worse float64) (found []finding, err error) {
	for _, j := range judged {
		if len(was[j.what]) == 0 || len(is[j.what]) == 0 {
			return nil, fmt.Errorf("%q was not measured in both trees", j.what)
		}
		f := finding{what: j.what + ", beside the bare relay", old: median(was[j.what]), new: median(is[j.what])}
		if f.old <= 0 || f.new <= 0 {
			return nil, fmt.Errorf("%q has the ratios %v and %v: expected positive ones", j.what, was[j.what], is[j.what])
		}
		if j.better {
			f.bound = f.old / (1 + worse)
			f.worse = f.new < f.bound
		} else {
			f.bound = f.old * (1 + worse)
			f.worse = f.new > f.bound
		}
		found = append(found, f)
	}
	return found, nil
}

// median returns the middle of all, or of the two in the middle.
func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	n := len(all)
	return (all[(n-1)/2] + all[n/2]) / 2
}

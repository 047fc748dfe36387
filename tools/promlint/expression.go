package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// file is what is checked.
type file struct {
	// Immutable.
	name  string
	there metrics

	used     set // Families that expressions name.
	problems []string
}

// wrong notes what is wrong at a place.
func (f *file) wrong(where, format string, args ...any) {
	f.problems = append(f.problems, fmt.Sprintf("%s: %s: %s", f.name, where, fmt.Sprintf(format, args...)))
}

// language is that of expressions.
var language = parser.NewParser(parser.Options{})

// expression checks one, and returns the labels that its result has; nil if that is not known.
func (f *file) expression(where, text string) set {
	parsed, err := language.ParseExpr(text)
	if err != nil {
		f.wrong(where, "%v in %s", err, text)
		return nil
	}
	return f.labelsOf(where, parsed)
}

// labelsOf checks e and returns the labels that its result has.
func (f *file) labelsOf(where string, e parser.Expr) set {
	switch e := e.(type) {
	case *parser.VectorSelector:
		return f.selector(where, e)
	case *parser.MatrixSelector:
		return f.labelsOf(where, e.VectorSelector)
	case *parser.SubqueryExpr:
		return f.labelsOf(where, e.Expr)
	case *parser.ParenExpr:
		return f.labelsOf(where, e.Expr)
	case *parser.UnaryExpr:
		return f.labelsOf(where, e.Expr)
	case *parser.AggregateExpr:
		return f.aggregate(where, e)
	case *parser.Call:
		return f.call(where, e)
	case *parser.BinaryExpr:
		return f.binary(where, e)
	}
	return set{} // Numbers and strings.
}

// selector checks the metric, and each condition on its labels.
func (f *file) selector(where string, e *parser.VectorSelector) set {
	s := f.there[e.Name]
	if s == nil {
		f.wrong(where, "no metric is called %q", e.Name)
		return set{}
	}
	f.used[s.family] = true
	names := s.names()
	for _, m := range e.LabelMatchers {
		if m.Name == labels.MetricName {
			continue
		}
		if !names[m.Name] {
			f.wrong(where, "%s has no label %q, only %s", e.Name, m.Name, names)
			continue
		}
		// What Prometheus adds is not known here, nor is what a variable stands for.
		values := s.labels[m.Name]
		if values == nil || strings.Contains(m.Value, "$") {
			continue
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(values)), m.Matches) {
			f.wrong(where, "%s never has %s: there are %s", e.Name, m, values)
		}
	}
	return names
}

// aggregate checks what e groups by.
func (f *file) aggregate(where string, e *parser.AggregateExpr) set {
	in := f.labelsOf(where, e.Expr)
	grouping := setOf(e.Grouping...)
	if unknown := grouping.minus(in); len(unknown) > 0 {
		f.wrong(where, "%s groups by %s, which %s does not have", e.Op, unknown, e.Expr)
	}
	switch {
	case e.Op == parser.TOPK || e.Op == parser.BOTTOMK:
		return in
	case e.Without:
		return in.minus(grouping)
	}
	return grouping
}

// grows are the functions of counters.
var grows = setOf("rate", "irate", "increase")

// call checks that a counter is where one is needed.
func (f *file) call(where string, e *parser.Call) set {
	all := set{}
	for _, arg := range e.Args {
		all.add(f.labelsOf(where, arg))
	}
	switch name := e.Func.Name; {
	case grows[name]:
		if m, ok := e.Args[0].(*parser.MatrixSelector); ok {
			of := m.VectorSelector.(*parser.VectorSelector).Name
			if s := f.there[of]; s != nil && !s.grows {
				f.wrong(where, "%s of %s, which is no counter", name, of)
			}
		}
	case name == "histogram_quantile":
		if !all["le"] {
			f.wrong(where, "histogram_quantile needs the label le: %s", e)
		}
		return all.minus(setOf("le"))
	}
	return all
}

// binary checks that both sides can meet.
func (f *file) binary(where string, e *parser.BinaryExpr) set {
	left, right := f.labelsOf(where, e.LHS), f.labelsOf(where, e.RHS)
	if e.LHS.Type() == parser.ValueTypeScalar {
		return right
	}
	if e.RHS.Type() == parser.ValueTypeScalar {
		return left
	}
	match := e.VectorMatching
	if e.Op == parser.LOR {
		left = maps.Clone(left)
		left.add(right)
		return left
	}
	matching := setOf(match.MatchingLabels...)
	meetLeft, meetRight := left.minus(matching), right.minus(matching)
	if match.On {
		meetLeft, meetRight = matching.minus(left), matching.minus(right)
		if unknown := len(meetLeft) + len(meetRight); unknown > 0 {
			f.wrong(where, "on(%s) names labels that one side does not have: %s", matching, e)
		}
	} else if !maps.Equal(meetLeft, meetRight) {
		f.wrong(where, "the sides never meet, for the labels of one are %s, and of the other %s: %s", meetLeft, meetRight, e)
	}
	switch {
	case e.Op.IsSetOperator():
		return left
	case match.Card == parser.CardManyToOne:
		result := maps.Clone(left)
		result.add(setOf(match.Include...))
		return result
	case match.Card == parser.CardOneToMany:
		result := maps.Clone(right)
		result.add(setOf(match.Include...))
		return result
	case match.On:
		return matching
	}
	return meetLeft
}

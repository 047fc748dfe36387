package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// dashboard is the part of a Grafana dashboard that is checked.
type dashboard struct {
	UID        string
	Title      string
	Panels     []panel
	Templating struct {
		List []struct {
			Name, Type string
			Query      json.RawMessage
		}
	}
}

type panel struct {
	ID         int
	Type       string
	Title      string
	GridPos    struct{ X, Y, W, H int }
	Datasource struct{ Type, UID string }
	Panels     []panel // Of a row that is folded.
	Targets    []struct {
		RefID        string
		Expr         string
		LegendFormat string
		Datasource   struct{ Type, UID string }
	}
}

var (
	// variable is how an expression names one.
	variable = regexp.MustCompile(`\$(?:\{(\w+)(?::\w+)?\}|(\w+))`)
	// legend is how a legend names a label.
	legend = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)
	// labelValues is a query for the values of a label.
	labelValues = regexp.MustCompile(`^label_values\((.+),\s*(\w+)\)$`)
	// durations are what Grafana puts in the place of a duration.
	durations = []string{"__rate_interval", "__interval", "__range"}
	duration  = strings.NewReplacer("$__rate_interval", "5m", "$__interval", "5m", "$__range", "1h")
)

// source is the variable that tells which Prometheus the panels ask.
const source = "${datasource}"

// columns is how wide a dashboard is.
const columns = 24

// checkDashboard checks a dashboard of Grafana.
func checkDashboard(f *file, text []byte) {
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		f.wrong("dashboard", "%v", err)
		return
	}
	if d.UID == "" || d.Title == "" {
		f.wrong("dashboard", "it has no uid or no title")
	}
	known := setOf(durations...)
	for _, v := range d.Templating.List {
		known[v.Name] = true
		if v.Type == "query" {
			f.query(fmt.Sprintf("variable %q", v.Name), v.Query)
		}
	}
	if !known["datasource"] {
		f.wrong("dashboard", "there is no variable %q", "datasource")
	}
	ids := map[int]string{}
	var laid []panel
	for _, p := range unfold(d.Panels) {
		where := fmt.Sprintf("panel %q", p.Title)
		if other, taken := ids[p.ID]; taken {
			f.wrong(where, "it has the id %d, as has %q", p.ID, other)
		}
		ids[p.ID] = p.Title
		for _, o := range laid {
			if p.overlaps(o) {
				f.wrong(where, "it overlaps with %q", o.Title)
			}
		}
		if laid = append(laid, p); p.GridPos.W < 1 || p.GridPos.H < 1 || p.GridPos.X < 0 || p.GridPos.X+p.GridPos.W > columns {
			f.wrong(where, "it does not fit into %d columns", columns)
		}
		if p.Type == "row" || p.Type == "text" {
			continue
		}
		f.panel(where, p, known)
	}
}

// unfold returns the panels, and those of rows.
func unfold(panels []panel) (all []panel) {
	for _, p := range panels {
		all = append(all, p)
		all = append(all, unfold(p.Panels)...)
	}
	return all
}

// overlaps reports whether two panels have a place in common.
func (p panel) overlaps(o panel) bool {
	a, b := p.GridPos, o.GridPos
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

// panel checks what one asks for. known are the names of variables.
func (f *file) panel(where string, p panel, known set) {
	if p.Datasource.UID != source {
		f.wrong(where, "it asks %q, not %s", p.Datasource.UID, source)
	}
	if len(p.Targets) == 0 {
		f.wrong(where, "it asks for nothing")
	}
	var refs []string
	for _, t := range p.Targets {
		if slices.Contains(refs, t.RefID) || t.RefID == "" {
			f.wrong(where, "the name %q of a query is empty or not its alone", t.RefID)
		}
		refs = append(refs, t.RefID)
		if t.Datasource.UID != source {
			f.wrong(where, "query %s asks %q, not %s", t.RefID, t.Datasource.UID, source)
		}
		for _, v := range variable.FindAllStringSubmatch(t.Expr, -1) {
			if name := v[1] + v[2]; !known[name] {
				f.wrong(where, "there is no variable %q: %s", name, t.Expr)
			}
		}
		has := f.expression(where, duration.Replace(t.Expr))
		for _, m := range legend.FindAllStringSubmatch(t.LegendFormat, -1) {
			if has != nil && !has[m[1]] {
				f.wrong(where, "the legend tells the label %q, which the result does not have, only %s", m[1], has)
			}
		}
	}
}

// query checks what the values of a variable are: those of a label.
func (f *file) query(where string, raw json.RawMessage) {
	var q struct{ Query string }
	if json.Unmarshal(raw, &q) != nil {
		_ = json.Unmarshal(raw, &q.Query) // The short form.
	}
	m := labelValues.FindStringSubmatch(q.Query)
	if m == nil {
		f.wrong(where, "its query is %q, expected label_values(METRIC, LABEL)", q.Query)
		return
	}
	if has := f.expression(where, m[1]); has != nil && !has[m[2]] {
		f.wrong(where, "%s has no label %q, only %s", m[1], m[2], has)
	}
}

package main

import (
	"fmt"
	"log/slog"
	"regexp"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
)

// alertLabel is how the text of an alert names a label.
var alertLabel = regexp.MustCompile(`\$labels\.([a-zA-Z_]\w*)`)

// checkRules checks rules of Prometheus. An alert must say what is the matter (summary), what to do (description), and how much
// of a hurry there is (severity).
func checkRules(f *file, text []byte) {
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, language, slog.New(slog.DiscardHandler))
	for _, err := range errs {
		f.wrong("rules", "%v", err)
	}
	if groups == nil {
		return
	}
	alerts := 0
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			where := fmt.Sprintf("alert %q", r.Alert)
			if r.Alert == "" {
				where = fmt.Sprintf("record %q", r.Record)
			}
			has := f.expression(where, r.Expr)
			if r.Alert == "" {
				continue
			}
			alerts++
			for _, name := range []string{"summary", "description"} {
				if r.Annotations[name] == "" {
					f.wrong(where, "it has no %s", name)
				}
				for _, m := range alertLabel.FindAllStringSubmatch(r.Annotations[name], -1) {
					if has != nil && !has[m[1]] {
						f.wrong(where, "its %s tells the label %q, which the result does not have, only %s", name, m[1], has)
					}
				}
			}
			if r.Labels["severity"] == "" {
				f.wrong(where, "it has no label severity")
			}
		}
	}
	if alerts == 0 {
		f.wrong("rules", "there are no alerts")
	}
}

package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// set is one of names.
type set map[string]bool

func setOf(names ...string) set {
	s := set{}
	for _, n := range names {
		s[n] = true
	}
	return s
}

func (s set) add(others set) { maps.Copy(s, others) }

// minus returns those of s that are not among others.
func (s set) minus(others set) set {
	left := maps.Clone(s)
	maps.DeleteFunc(left, func(n string, _ bool) bool { return others[n] })
	return left
}

// String lists the names in order.
func (s set) String() string { return strings.Join(slices.Sorted(maps.Keys(s)), ", ") }

// series is what is stored under one name.
type series struct {
	family string // What the metric is called: without _bucket, _sum and _count.
	grows  bool   // A counter, so that rate() of it has a meaning.
	labels map[string]set
}

// names returns those of its labels, and those that Prometheus adds.
func (s *series) names() set {
	names := setOf("job", "instance")
	for n := range s.labels {
		names[n] = true
	}
	return names
}

// metrics are what servers expose, by the name of the series.
type metrics map[string]*series

// readMetrics reads what servers expose from files in the text format of Prometheus.
func readMetrics(paths []string) (metrics, error) {
	m := metrics{"up": {family: "up", labels: map[string]set{}}} // Prometheus makes it.
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(f)
		_ = f.Close() // It was only read.
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, family := range families {
			m.addFamily(family)
		}
	}
	return m, nil
}

// addFamily makes one metric known.
func (m metrics) addFamily(f *dto.MetricFamily) {
	for _, sample := range f.GetMetric() {
		labels := map[string]string{}
		for _, l := range sample.GetLabel() {
			labels[l.GetName()] = l.GetValue()
		}
		parts := sample.GetHistogram().GetBucket()
		switch f.GetType() {
		case dto.MetricType_HISTOGRAM:
			m.add(f.GetName(), "_sum", true, labels)
			m.add(f.GetName(), "_count", true, labels)
			for _, b := range parts {
				labels["le"] = fmt.Sprint(b.GetUpperBound())
				m.add(f.GetName(), "_bucket", true, labels)
			}
		case dto.MetricType_SUMMARY:
			m.add(f.GetName(), "_sum", true, labels)
			m.add(f.GetName(), "_count", true, labels)
			for _, q := range sample.GetSummary().GetQuantile() {
				labels["quantile"] = fmt.Sprint(q.GetQuantile())
				m.add(f.GetName(), "", false, labels)
			}
		default:
			m.add(f.GetName(), "", f.GetType() == dto.MetricType_COUNTER, labels)
		}
	}
}

// add makes one series known.
func (m metrics) add(family, suffix string, grows bool, labels map[string]string) {
	s := m[family+suffix]
	if s == nil {
		s = &series{family: family, grows: grows, labels: map[string]set{}}
		m[family+suffix] = s
	}
	for name, value := range labels {
		if s.labels[name] == nil {
			s.labels[name] = set{}
		}
		s.labels[name][value] = true
	}
}

// missing tells which metrics with that prefix are not among those that are shown, and need to be; and which need not be, and
// yet are, or are not there.
func (m metrics) missing(prefix string, shown, without set) (problems []string) {
	families := set{}
	for _, s := range m {
		if strings.HasPrefix(s.family, prefix) {
			families[s.family] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if !shown[name] && !without[name] {
			problems = append(problems, fmt.Sprintf("%s is exposed, but on no dashboard", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(without)) {
		if name != "" && (shown[name] || !families[name]) {
			problems = append(problems, fmt.Sprintf("%s need not be excepted: it is on a dashboard, or not exposed", name))
		}
	}
	return problems
}

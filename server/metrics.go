package server

import (
	"net/http"
	"net/http/pprof"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/beckonrtc/beckon/server/histogram"
)

// metrics brings what the server counts to Prometheus. It reads the counters when it is asked; nothing is done for it
// otherwise.
type metrics struct {
	server *Server
}

// desc returns a metric of Beckon's.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("beckon_"+name, help, labels, nil)
}

var (
	messagesDesc    = desc("messages_total", "Messages from clients, by kind and by whether they came to a failure.", "kind", "outcome")
	failuresDesc    = desc("failures_total", "Failures that clients were sent for their messages, by code.", "code")
	undeliveredDesc = desc("undelivered_total", "Messages that came back to their senders; left: the user whom they were for left the room, or its session ended; dropped: they were kept no longer, for time or for space.", "reason")
	openedDesc      = desc("sessions_opened_total", "Sessions that began here.")
	endedDesc       = desc("sessions_ended_total", "Sessions that ended, by the reason that others were told.", "reason")
	resumedDesc     = desc("resumes_total", "Sessions that were taken up on another stream, by what became of them.", "resumption")
	movedDesc       = desc("sessions_moved_total", "Sessions that another node has taken up.")
	streamEndsDesc  = desc("streams_ended_total", "Streams that ended or were refused, by the reason that the client was told; ok: it asked for it, lost: it was lost.", "reason")
	closedDesc      = desc("connections_closed_total", "Connections of native gRPC that were closed since streams were opened too fast, on them or from their address.", "reason")
	callsEndedDesc  = desc("calls_cut_total", "Calls of native gRPC other than Connect that were ended since their request did not come, or since too many waited.", "reason")
	sentEventsDesc  = desc("events_sent_total", "Events that were written to clients.")
	sentBytesDesc   = desc("events_sent_bytes_total", "Their size in bytes.")

	sessionsDesc = desc("sessions", "Sessions, on a stream or not.")
	streamsDesc  = desc("streams", "Open streams.")
	roomsDesc    = desc("rooms", "Rooms that sessions of this node are in.")
	maxDesc      = desc("sessions_max", "How many sessions there may be; without a bound it is not told.")
	retainedDesc = desc("retained_bytes", "What is kept for clients that have not said that they received it, with 128 bytes more for each message.")
	mostKeptDesc = desc("retained_bytes_max", "How much of that there may be.")
	outboxDesc   = desc("outbox_bytes", "Bytes of events that have yet to be written to clients.")
	drainingDesc = desc("draining", "1 once the server has begun to shut down.")
	readyDesc    = desc("ready", "1 while the server takes sessions, as /readyz tells.")
	infoDesc     = desc("info", "The version of the server.", "version")

	appendDesc    = desc("append_seconds", "How long the room log takes to record a message for others; of every 16th.")
	relayDesc     = desc("relay_seconds", "From when this node is told of a message until it is written to the transport of a recipient on a stream; of every 16th.")
	handshakeDesc = desc("handshake_seconds", "From when a stream is opened until its session is welcome or has been taken up.")

	logFailuresDesc  = desc("log_append_failures_total", "Those of them that failed.")
	logConflictsDesc = desc("log_conflicts_total", "Conditions of records that did not hold at first.")
	logRetriesDesc   = desc("log_retries_total", "Tries to append that had to be repeated.")
	logClearedDesc   = desc("log_cleared_total", "Memberships, of rooms and of sessions' own logs, that this node has ended for nodes that had gone.")
	logSecondsDesc   = desc("log_append_seconds", "How long this node's appends to the shared room log took.")
	logLagDesc       = desc("log_lag", "Records of the shared room log that this node has yet to be told of, in the shard that is furthest behind.")
	logLeaseDesc     = desc("log_lease", "1 while this node can be sure that the others do not take it for dead.")
	logConnectedDesc = desc("log_connected", "1 while this node is connected to NATS.")
	logNodesDesc     = desc("log_nodes", "Nodes of the cluster, by state.", "state")

	relayOpenDesc      = desc("turn_allocations", "Allocations at the TURN server of this node.")
	relayAllocatedDesc = desc("turn_allocations_total", "Allocations that it has made.")
	relayConnsDesc     = desc("turn_connections", "TCP connections to it.")
	relayBytesDesc     = desc("turn_relayed_bytes_total", "Bytes that it has relayed, without headers.", "direction")
	relayRefusedDesc   = desc("turn_refused_total", "What it has refused, by why.", "reason")
)

// Describe implements prometheus.Collector. It describes nothing: what there is depends on the server.
func (m metrics) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (m metrics) Collect(to chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	times := func(d *prometheus.Desc, h *histogram.Histogram) {
		n, sum, upTo := h.Snapshot()
		to <- prometheus.MustNewConstHistogram(d, n, sum.Seconds(), upTo)
	}
	byName := func(d *prometheus.Desc, all map[string]uint64) {
		for name, n := range all {
			count(d, n, strings.ToLower(name))
		}
	}
	s := m.server.hub.Stats()
	for kind, n := range s.Handled {
		count(messagesDesc, n, kind, "ok")
		count(messagesDesc, s.Failed[kind], kind, "failure")
	}
	byName(failuresDesc, s.Failures)
	byName(endedDesc, s.Ended)
	byName(resumedDesc, s.Resumed)
	byName(undeliveredDesc, s.Undelivered)
	count(openedDesc, s.Opened)
	count(movedDesc, s.Moved)
	for reason, n := range m.server.ends {
		count(streamEndsDesc, n.Load(), reason)
	}
	count(closedDesc, m.server.gate.closed.Load(), "connection")
	count(closedDesc, m.server.gate.refused.Load(), "address")
	count(callsEndedDesc, m.server.waiting.late.Load(), "no_request")
	count(callsEndedDesc, m.server.waiting.surplus.Load(), "too_many")
	count(sentEventsDesc, s.SentEvents)
	count(sentBytesDesc, s.SentBytes)
	gauge(sessionsDesc, float64(s.Sessions))
	gauge(streamsDesc, float64(s.Streams))
	gauge(roomsDesc, float64(s.Rooms))
	gauge(outboxDesc, float64(s.OutboxBytes))
	if log, ok := m.server.rooms.(interface{ Retained() int64 }); ok {
		gauge(retainedDesc, float64(log.Retained()))
		gauge(mostKeptDesc, float64(m.server.cfg.MaxRetainedBytes))
	}
	if most := m.server.cfg.MaxSessions; most > 0 {
		gauge(maxDesc, float64(most))
	}
	gauge(drainingDesc, number(m.server.isDraining()))
	gauge(readyDesc, number(!m.server.isDraining() && m.server.outOfTouch() == nil))
	gauge(infoDesc, 1, m.server.cfg.Version)
	times(appendDesc, s.Appending)
	times(relayDesc, s.RelayLatency)
	times(handshakeDesc, s.Handshake)
	if relay := m.server.access.relay; relay != nil {
		c := relay.Counters()
		gauge(relayOpenDesc, float64(c.Open))
		gauge(relayConnsDesc, float64(c.Connections))
		count(relayAllocatedDesc, c.Allocations)
		count(relayBytesDesc, c.BytesToPeers, "to_peers")
		count(relayBytesDesc, c.BytesFromPeers, "from_peers")
		for reason, n := range map[string]uint64{
			"bad_credential": c.Refused.BadCredential, "expired": c.Refused.Expired, "revoked": c.Refused.Revoked,
			"user_quota": c.Refused.UserQuota, "total_quota": c.Refused.TotalQuota, "no_port": c.Refused.NoPort,
			"unsupported": c.Refused.Unsupported, "peer": c.Refused.Peer, "too_many_permissions": c.Refused.TooManyPermissions,
			"send": c.Refused.Send, "stranger": c.Refused.Stranger, "over_rate": c.Refused.OverRate,
			"too_many_connections": c.Refused.TooManyConnections,
		} {
			count(relayRefusedDesc, n, reason)
		}
	}
	if log := m.server.cluster; log != nil {
		l := log.Local()
		count(logFailuresDesc, l.Appends.Failed)
		count(logConflictsDesc, l.Appends.Conflicts)
		count(logRetriesDesc, l.Appends.Retries)
		count(logClearedDesc, l.Appends.Cleared)
		times(logSecondsDesc, log.AppendTimes())
		lag := uint64(0)
		states := map[string]float64{"up": 0, "down": 0}
		for _, n := range l.Nodes {
			states[n.State]++
			if n.Name == l.Node {
				lag = n.Lag
			}
		}
		gauge(logLagDesc, float64(lag))
		gauge(logLeaseDesc, number(l.Lease))
		gauge(logConnectedDesc, number(l.Connected))
		for state, n := range states {
			gauge(logNodesDesc, n, state)
		}
	}
}

// number returns 1 for true.
func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// notReady is the metrics of a server that is not there yet.
type notReady struct{ version string }

// Describe implements prometheus.Collector, as that of metrics.
func (notReady) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (n notReady) Collect(to chan<- prometheus.Metric) {
	to <- prometheus.MustNewConstMetric(drainingDesc, prometheus.GaugeValue, 0)
	to <- prometheus.MustNewConstMetric(readyDesc, prometheus.GaugeValue, 0)
	to <- prometheus.MustNewConstMetric(infoDesc, prometheus.GaugeValue, 1, n.version)
}

// metricsHandler returns what Prometheus reads.
func metricsHandler(of prometheus.Collector) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(of, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// profiles adds what "go tool pprof" reads to mux. Profiles tell of what is in memory, so they are guarded.
func (s *Server) profiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/", s.guarded(pprof.Index))
	mux.HandleFunc("GET /debug/pprof/profile", s.guarded(pprof.Profile))
	mux.HandleFunc("GET /debug/pprof/trace", s.guarded(pprof.Trace))
	mux.HandleFunc("GET /debug/pprof/symbol", s.guarded(pprof.Symbol))
}

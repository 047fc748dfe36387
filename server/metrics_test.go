package server

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// scrape returns what Prometheus reads.
func scrape(s *Server) string {
	w := httptest.NewRecorder()
	s.admin().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// counted checks that a line is among the metrics, or is soon: what a client sees may come before it is counted.
func counted(t *testing.T, s *Server, line string) {
	t.Helper()
	for range 500 {
		if strings.Contains(scrape(s), "\n"+line+"\n") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("the metrics lack %s", line)
}

// TestMetrics: what happens is counted, and told as Prometheus wants it.
func TestMetrics(t *testing.T) {
	s, client := counting(t)
	st, err := client.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	until := func(id uint64) { // Every message before is settled then.
		t.Helper()
		for {
			e, err := st.Recv()
			if err != nil {
				t.Fatal(err)
			}
			if e.GetRequestId() == id {
				return
			}
		}
	}
	data := func(to string) *beckonv1.ConnectRequest_Data {
		return &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{Room: "lobby", To: to}}
	}
	for i, m := range []*beckonv1.ConnectRequest{
		{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: "lobby"}}},
		{Message: data("")},
		{Message: data("")},
		{Message: data("nobody")},
		{Message: &beckonv1.ConnectRequest_Leave{Leave: &beckonv1.Leave{Room: "nowhere"}}},
	} {
		m.RequestId = uint64(i + 1)
		if err := st.Send(m); err != nil {
			t.Fatal(err)
		}
	}
	until(5)
	text := scrape(s)
	for _, want := range []string{
		`beckon_messages_total{kind="data",outcome="ok"} 2`,
		`beckon_messages_total{kind="data",outcome="failure"} 1`,
		`beckon_messages_total{kind="join",outcome="ok"} 1`,
		`beckon_failures_total{code="no_such_user"} 1`,
		`beckon_failures_total{code="not_in_room"} 1`,
		`beckon_sessions_opened_total 1`,
		`beckon_sessions 1`,
		`beckon_streams 1`,
		`beckon_rooms 1`,
		`beckon_undelivered_total{reason="left"} 0`,
		`beckon_undelivered_total{reason="dropped"} 0`,
		`beckon_retained_bytes 3`, // Of some 300: two broadcasts.
		`beckon_handshake_seconds_count 1`,
		`beckon_append_seconds_count 1`, // The first of sixteen.
		`beckon_sessions_ended_total{reason="left"} 0`,
		`beckon_info{version="`,
		`go_goroutines `,
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if err := st.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = st.Recv()
	}
	counted(t, s, `beckon_streams_ended_total{reason="ok"} 1`)
	if text := scrape(s); !strings.Contains(text, "\nbeckon_sessions_ended_total{reason=\"left\"} 1\n") || !strings.Contains(text, "\nbeckon_sessions 0\n") {
		t.Error("the metrics do not tell that the session has ended")
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "beckon_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// TestProfilesAreGuarded: what tells of the memory of the process is for those who know the secret.
func TestProfilesAreGuarded(t *testing.T) {
	s := &Server{log: slog.New(slog.DiscardHandler), access: new(access), adminSecret: []byte(strings.Repeat("secret", 6))}
	for token, want := range map[string]int{"": 401, "Bearer wrong": 401, "Bearer " + string(s.adminSecret): 200} {
		r := httptest.NewRequest("GET", "/debug/pprof/goroutine?debug=1", nil)
		r.Header.Set("Authorization", token)
		w := httptest.NewRecorder()
		if s.admin().ServeHTTP(w, r); w.Code != want {
			t.Errorf("with %q: %d, want %d", token, w.Code, want)
		}
	}
}

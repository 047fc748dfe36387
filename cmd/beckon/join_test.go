package main

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestJoinJSON(t *testing.T) {
	_, ports := startServer(t)
	join := func(name string) (*program, string) {
		p := start(t, "join", "lobby", "--json", "--name", name, "--server", ports["grpc"])
		var event struct {
			Welcome struct {
				UserID string `json:"user_id"`
			}
		}
		if err := json.Unmarshal([]byte(p.out.expect(`"welcome"`)), &event); err != nil {
			t.Fatal(err)
		}
		p.out.expect(`"joined_users"`)
		return p, event.Welcome.UserID
	}
	ana, anaID := join("ana")
	bob, bobID := join("bob")
	ana.out.expect(`"user_joined":{"user":{"id":"` + bobID + `","name":"bob"}}`)

	ana.typeLine(`{"request_id": 7, "data": {"room": "lobby", "type": "chat", "payload": "aGVsbG8="}}`)
	ana.out.expect(`"request_id":"7","ack":`)
	bob.out.expect(`"data_received":{"sender":{"id":"` + anaID + `","name":"ana"},"type":"chat","payload":"aGVsbG8="}`)

	bob.typeLine("")
	bob.typeLine(`{"data": {"to": "` + anaID + `", "payload": "aGk="}}`)
	ana.out.expect(`"data_received":{"sender":{"id":"` + bobID + `","name":"bob"},"payload":"aGk="}`)
	bob.typeLine(`{"data": {"to": "nobody", "room": "lobby", "payload": "aGk="}}`)
	bob.out.expect(`"failure":{"code":"FAILURE_CODE_NO_SUCH_USER"`)

	// The end of the input: what was sent before is answered, then the session ends.
	ana.typeLine(`{"request_id": 8, "update": {"room": "lobby", "attributes": {"mic": "off"}}}`)
	ana.stdin.Close()
	ana.out.expect(`"request_id":"8","ack":`)
	ana.expectExit(exitOK)
	bob.out.expect(`"attributes":{"mic":"off"}`)
	bob.out.expect(`"reason":"LEAVE_REASON_LEFT"`)

	// The end of the session by a message: the input need not end.
	bob.typeLine(`{"leave": {}}`)
	bob.expectExit(exitOK)
}

func TestJoinJSONBadLine(t *testing.T) {
	_, ports := startServer(t)
	bob := start(t, "join", "lobby", "--json", "--server", ports["grpc"])
	bob.out.expect(`"joined_users"`)
	for _, line := range []string{`{"data": `, `{"dta": {"room": "lobby"}}`} {
		ana := start(t, "join", "lobby", "--json", "--server", ports["grpc"])
		ana.typeLine("")
		ana.typeLine(line)
		ana.errs.expect("beckon: line 2 of the input is no ConnectRequest: ")
		ana.expectExit(exitFailed)
		bob.out.expect(`"user_joined"`)
		bob.out.expect(`"reason":"LEAVE_REASON_LEFT"`) // It said goodbye all the same.
	}
}

func TestJoinInterrupted(t *testing.T) {
	_, ports := startServer(t)
	bob := start(t, "join", "lobby", "--json", "--server", ports["grpc"])
	bob.out.expect(`"joined_users"`)
	for flag, sign := range map[string]string{"--json": `"joined_users"`, "--json=false": "that is you"} {
		ana := start(t, "join", "lobby", flag, "--server", ports["grpc"])
		ana.out.expect(sign)
		ana.interrupt(interruption{syscall.SIGTERM})
		bob.out.expect(`"reason":"LEAVE_REASON_LEFT"`)
		ana.expectExit(143)
	}
}

func TestJoinLines(t *testing.T) {
	_, ports := startServer(t)
	ana := start(t, "join", "lobby", "--name", "ana", "--server", ports["grpc"], "--attribute", "role=host=1")
	ana.out.expect("* 1 in lobby:")
	ana.out.expect("*   ana (")
	bob := start(t, "join", "lobby", "--name", "bob b", "--server", ports["grpc"], "--presence", "full")
	bob.out.expect("* 2 in lobby:")
	bob.out.expect(", role=host=1")
	ana.out.expect("* bob b (")

	ana.typeLine("hello, wörld")
	bob.out.expect("<ana> hello, wörld")
	ana.typeLine("   ")
	ana.typeLine("//shrug")
	bob.out.expect("<ana> /shrug")
	ana.typeLine(`/to "bob b" psst`)
	bob.out.expect("<ana> psst")
	bob.typeLine("/to ana hi")
	ana.out.expect("<bob b> hi")
	bob.typeLine("/name rob")
	ana.out.expect(") is now called rob")
	ana.typeLine("/who")
	ana.out.expect("* 2 in lobby:")
	ana.out.expect("that is you, role=host=1")
	ana.out.expect("rob (")
	ana.typeLine("/help")
	ana.out.expect("/to WHO TEXT")
	ana.typeLine("/to zoe hello?")
	ana.out.expect("! NO_SUCH_USER: ")
	ana.typeLine("/to bob")
	ana.out.expect("! expected /to WHO TEXT")
	ana.typeLine("/frobnicate")
	ana.out.expect("! there is no command /frobnicate")
	bob.typeLine("/name " + strings.Repeat("x", 200))
	bob.out.expect("! INVALID: ")

	ana.typeLine("/quit")
	ana.expectExit(exitOK)
	bob.out.expect(") left")
	bob.stdin.Close()
	bob.expectExit(exitOK)
}

// TestJoinHostile lets somebody send what a terminal would obey.
func TestJoinHostile(t *testing.T) {
	_, ports := startServer(t)
	ana := start(t, "join", "lobby", "--name", "ana", "--server", ports["grpc"])
	ana.out.expect("ana (")
	eve := start(t, "join", "lobby", "--json", "--name", "eve\u202e", "--server", ports["grpc"])
	for _, line := range []string{
		`{"data": {"room": "lobby", "type": "\u202ex", "payload": "G1sySgobXTA7b3duZWQH"}}`, // "\x1b[2J\n\x1b]0;owned\a"
		`{"data": {"room": "lobby", "payload": "m0E="}}`,                                    // "\x9bA"
		`{"hangup": {"room": "lobby", "call_id": "c1", "detail": "\u001b[2J"}}`,
		`{"update": {"room": "lobby", "name": "eve", "attributes": {"a": "\r\u001b[1A"}}}`,
	} {
		eve.typeLine(line)
	}
	for _, want := range []string{
		`* eve\u202e (`,
		`<eve\u202e> [\u202ex] \x1b[2J\n\x1b]0;owned\a`,
		`<eve\u202e> 2 B`,
		`* eve\u202e ends call c1: \x1b[2J`,
		`changed: a=\r\x1b[1A`,
	} {
		line := ana.out.expect(want)
		if line != printable(line) {
			t.Errorf("control characters came through: %q", line)
		}
	}
}

func TestJoinErrors(t *testing.T) {
	_, ports := startServer(t)
	for _, tt := range []struct{ name, args, want string }{
		{"nobody there", "lobby --server 127.0.0.1:1", "beckon: cannot reach 127.0.0.1:1: "},
		{"nobody there, JSON", "lobby --json --server 127.0.0.1:1", "beckon: cannot reach 127.0.0.1:1: "},
		{"not a gRPC port", "lobby --server " + ports["admin"], "beckon: cannot reach " + ports["admin"] + ": "},
		{"TLS with a server that has none", "lobby --tls --server " + ports["grpc"], "beckon: cannot reach "},
		{"a room that cannot be", "room\x01 --server " + ports["grpc"], "beckon: INVALID: "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, append([]string{"join"}, strings.Fields(tt.args)...)...)
			if line := p.errs.expect(""); !strings.HasPrefix(line, tt.want) {
				t.Errorf("got  %s\nwant %s...", line, tt.want)
			}
			p.expectExit(exitFailed)
		})
	}
}

func TestOnThisMachine(t *testing.T) {
	for target, want := range map[string]bool{
		"localhost:50051":          true,
		"127.0.0.1:50051":          true,
		"127.9.9.9:50051":          true,
		"[::1]:50051":              true,
		"localhost":                true,
		"unix:/run/beckon.sock":    true,
		"example.org:443":          false,
		"localhost.example.org:80": false,
		"10.0.0.1:50051":           false,
		"[::]:50051":               false,
		"dns:///localhost:50051":   false, // Not for certain.
	} {
		if got := onThisMachine(target); got != want {
			t.Errorf("onThisMachine(%q) = %v, want %v", target, got, want)
		}
	}
}

// A line leads to a server and can be cut.
type line struct {
	t        *testing.T
	server   string
	listener net.Listener

	mu sync.Mutex
	// Guarded by mu.
	down  bool
	conns []net.Conn
}

func newLine(t *testing.T, server string) *line {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{t: t, server: server, listener: listener}
	var accepting sync.WaitGroup
	accepting.Go(l.accept)
	t.Cleanup(func() {
		listener.Close()
		l.cut()
		accepting.Wait()
	})
	return l
}

// accept joins each connection that is made with one to the server.
func (l *line) accept() {
	for {
		near, err := l.listener.Accept()
		if err != nil {
			return // The test has ended.
		}
		l.mu.Lock()
		if l.down {
			near.Close()
		} else if far, err := net.Dial("tcp", l.server); err != nil {
			l.t.Error(err)
			near.Close()
		} else {
			l.conns = append(l.conns, near, far)
			go io.Copy(near, far)
			go io.Copy(far, near)
		}
		l.mu.Unlock()
	}
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for _, conn := range l.conns {
		conn.Close()
	}
	l.conns = nil
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = false
}

// TestJoinComesBack loses connections: what is typed in the meantime is said later, and one can leave all the same.
func TestJoinComesBack(t *testing.T) {
	_, ports := startServer(t)
	line := newLine(t, ports["grpc"])
	ana := start(t, "join", "lobby", "--name", "ana", "--server", line.listener.Addr().String())
	ana.out.expect("that is you")
	bob := start(t, "join", "lobby", "--name", "bob", "--server", ports["grpc"])
	bob.out.expect("that is you")
	ana.out.expect("* bob (")

	line.cut()
	ana.out.expect("* the connection is lost: ")
	ana.typeLine("one")
	ana.typeLine("two")
	bob.typeLine("three")
	line.mend()
	ana.out.expect("* back, nothing was missed")
	ana.out.expect("<bob> three")
	bob.out.expect("<ana> one")
	bob.out.expect("<ana> two")

	line.cut()
	ana.out.expect("* the connection is lost: ")
	ana.typeLine("never said")
	ana.typeLine("/quit")
	ana.out.expect("! the connection is lost: not all that was typed has been said")
	ana.expectExit(exitOK)
}

// TestJoinRenewsToken replaces the token in the file, which is about to run out: the session goes on with the new one.
func TestJoinRenewsToken(t *testing.T) {
	key := writeFile(t, testSecret)
	token := func(sub, ttl string) string {
		return makeToken(t, "--key", key, "--sub", sub, "--name", sub, "--ttl", ttl)
	}
	server, ports := startServer(t, "--token-key-file", key, "--heartbeat-interval", "1s")
	file, bobs := writeFile(t, token("ana", "20s")), writeFile(t, token("bob", "1h"))
	ana := start(t, "join", "lobby", "--server", ports["grpc"], "--token-file", file)
	ana.out.expect("that is you, identity ana")
	bob := start(t, "join", "lobby", "--server", ports["grpc"], "--token-file", bobs)
	bob.out.expect("that is you, identity bob")
	ana.out.expect("* bob (")

	if err := os.Rename(writeFile(t, token("ana", "1h")), file); err != nil {
		t.Fatal(err)
	}
	if line := server.errs.expect("session resumed"); !strings.Contains(line, `"resumption":"RESUMED"`) {
		t.Errorf("the session was not resumed as it was: %s", line)
	}
	bob.typeLine("still there?")
	if line := <-ana.out.lines; line != "<bob> still there?" {
		t.Errorf("ana saw %q after the list", line)
	}
	ana.typeLine("yes")
	bob.out.expect("<ana> yes")
	ana.typeLine("/quit")
	ana.expectExit(exitOK)
}

//go:build unix

// Package deploy_test runs Beckon behind nginx, by the configuration here.
package deploy_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
	"github.com/beckonrtc/beckon/server/web/webtest"
)

const (
	// host is the name that the server has in the configuration, and in the certificate.
	host = "signal.example.org"
	// patience is how long anything may take.
	patience = 20 * time.Second
)

// public is the origin of the proxy, which a server that lets everybody in has to know.
var public = []string{"https://signal.example.org:443"}

// TestNginx: everything that Beckon has works through nginx, as deploy/nginx.conf sets it up.
func TestNginx(t *testing.T) {
	b := startBeckon(t, server.Config{WebOrigins: public})
	p := startNginx(t, b, nil)

	t.Run("page", func(t *testing.T) {
		for name, client := range map[string]*http.Client{"HTTP/1.1": p.client(1), "HTTP/2.0": p.client(2)} {
			response := p.do(t, client, http.MethodGet, "/", nil, nil)
			text, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != http.StatusOK || response.Proto != name || !bytes.Contains(text, []byte("<title>")) {
				t.Errorf("%s %s %q, want the page in %s", response.Proto, response.Status, text, name)
			}
		}
	})

	for name, dial := range ways {
		t.Run(name, func(t *testing.T) {
			ana, bob := dial(t, p), dial(t, p)
			anaID, bobID := ana.join(name), bob.join(name)
			// More than any buffer on the way, and in all more than a request may have.
			sdp := strings.Repeat("a=candidate\r\n", 200<<10/13)
			for range 10 {
				ana.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Offer{Offer: &beckonv1.Offer{To: bobID, CallId: "1", Sdp: sdp}}})
				call := bob.until(func(e *beckonv1.ConnectResponse) bool { return e.GetCallMade() != nil }).GetCallMade()
				if call.GetSender().GetId() != anaID || call.GetSdp() != sdp {
					t.Fatalf("a call of %d bytes from %q, want %d from %q", len(call.GetSdp()), call.GetSender().GetId(), len(sdp), anaID)
				}
			}
			// An event of a few bytes, after which nothing comes, is not kept back.
			bob.send(&beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Answer{Answer: &beckonv1.Answer{To: anaID, CallId: "1", Sdp: "v=0"}}})
			ana.until(func(e *beckonv1.ConnectResponse) bool { return e.GetAnswerMade().GetSdp() == "v=0" })
		})
	}

	t.Run("origin", func(t *testing.T) {
		for origin, refused := range map[string]bool{
			"https://" + p.authority:        false,
			"https://" + host:               true, // Without the port it is another one.
			"https://elsewhere.example.com": true,
		} {
			header := http.Header{"Origin": {origin}}
			web := p.web(t)
			web.Header = header
			ws, err := web.Websocket(t.Context(), beckonv1.Signal_Connect_FullMethodName, webtest.Headers)
			if err == nil {
				_ = ws.CloseNow()
			}
			if got := err != nil && strings.Contains(err.Error(), "403"); got != refused || err != nil && !refused {
				t.Errorf("a websocket of a page from %s: %v; refused: want %t", origin, err, refused)
			}
			header = http.Header{"Origin": {origin}, "Content-Type": {"application/grpc-web+proto"}}
			response := p.do(t, p.client(2), http.MethodPost, beckonv1.Signal_Send_FullMethodName, header, webtest.Envelope(0, nil))
			if got := response.StatusCode == http.StatusForbidden; got != refused {
				t.Errorf("a request of a page from %s: %s; refused: want %t", origin, response.Status, refused)
			}
		}
	})

	t.Run("another name", func(t *testing.T) {
		conn, err := tls.Dial("tcp", p.addr, &tls.Config{ServerName: "elsewhere.example.com", RootCAs: p.roots})
		if err == nil {
			_ = conn.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
			t.Errorf("the handshake for another name: %v, want it refused", err)
		}
	})
}

// TestNginxAddress: Beckon sees clients by the addresses that they have for nginx, whatever they say of themselves, and
// who passes nginx by is believed nothing.
func TestNginxAddress(t *testing.T) {
	b := startBeckon(t, server.Config{WebOrigins: public, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}})
	p := startNginx(t, b, nil)
	// All of 127.0.0.0/8 is this machine. Where it is not, as on macOS: ifconfig lo0 alias 127.0.0.2
	client := netip.MustParseAddr("127.0.0.2")
	for name, header := range map[string]http.Header{
		"":                            nil,
		" with a faked header":        {"X-Forwarded-For": {"203.0.113.7"}},
		" that claims to be a proxy":  {"X-Forwarded-For": {"203.0.113.7, 127.0.0.1"}},
		" with every header there is": {"X-Forwarded-For": {"203.0.113.7"}, "X-Real-Ip": {"203.0.113.8"}, "Forwarded": {"for=203.0.113.9"}},
	} {
		there := p.from(client, header)
		for way, dial := range ways {
			t.Run(way+name, func(t *testing.T) {
				id := dial(t, there).join("lobby")
				if got := b.log.remote(t, id); got != client {
					t.Errorf("the session comes from %s, want %s", got, client)
				}
			})
		}
	}

	t.Run("passing nginx by", func(t *testing.T) {
		dialer := &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(client, 0))}
		native, err := grpc.NewClient("passthrough:///"+b.grpc,
			grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", addr) }))
		if err != nil {
			t.Fatal(err)
		}
		defer native.Close()
		web := webtest.New(b.web, dialer.DialContext)
		defer web.Close()
		web.Header.Set("X-Forwarded-For", "203.0.113.7")
		for name, conn := range map[string]grpc.ClientConnInterface{"gRPC": native, "a websocket": web} {
			st, err := beckonv1.NewSignalClient(conn).Connect(metadata.AppendToOutgoingContext(bounded(t), "x-forwarded-for", "203.0.113.7"))
			if err != nil {
				t.Fatal(err)
			}
			id := (&session{t: t, events: st.Recv, send: func(m *beckonv1.ConnectRequest) {
				if err := st.Send(m); err != nil {
					t.Fatal(err)
				}
			}}).join("lobby")
			if got := b.log.remote(t, id); got != client {
				t.Errorf("over %s the session comes from %s, want %s", name, got, client)
			}
		}
	})
}

// TestNginxIdle: heartbeats, and nothing else, keep a stream alive for longer than nginx waits for something to read.
func TestNginxIdle(t *testing.T) {
	t.Parallel()
	const timeout, beats = 3, 5 // A heartbeat is a second.
	b := startBeckon(t, server.Config{WebOrigins: public, HeartbeatInterval: time.Second})
	p := startNginx(t, b, waiting(timeout))
	eachIdle(t, p, func(name string, s *session) {
		began := time.Now()
		for range beats {
			if e, err := s.events(); e.GetPong() == nil {
				t.Errorf("%s: %v %v after %s, want a heartbeat", name, e, err, time.Since(began))
				return
			}
		}
		if took := time.Since(began); took < timeout*time.Second {
			t.Errorf("%s: %d heartbeats in %s: that is no longer than nginx waits", name, beats, took)
		}
	})
}

// TestNginxIdleCut: without heartbeats in time nginx cuts the stream. This is what TestNginxIdle would see if they were
// not passed on.
func TestNginxIdleCut(t *testing.T) {
	t.Parallel()
	b := startBeckon(t, server.Config{WebOrigins: public, HeartbeatInterval: time.Minute})
	p := startNginx(t, b, waiting(1))
	eachIdle(t, p, func(name string, s *session) {
		e, err := s.events()
		// That is what it is for a client: not a status of Beckon's.
		if code := status.Code(err); code != codes.Unavailable && code != codes.Internal || len(status.Convert(err).Details()) > 0 {
			t.Errorf("%s: %v %v, want the stream cut", name, e, err)
		}
	})
}

// waiting makes nginx wait that many seconds for something to read from Beckon.
func waiting(seconds int) map[string]string {
	timeout := (time.Duration(seconds) * time.Second).String()
	return map[string]string{
		"proxy_read_timeout    60s;": "proxy_read_timeout " + timeout + ";",
		"grpc_read_timeout    60s;":  "grpc_read_timeout " + timeout + ";",
	}
}

// eachIdle opens a session in each way, and tests all of them at the same time.
func eachIdle(t *testing.T, p *proxy, test func(name string, s *session)) {
	var testing sync.WaitGroup
	defer testing.Wait()
	for name, dial := range ways {
		s := dial(t, p)
		s.join(name)
		testing.Go(func() { test(name, s) })
	}
}

// startNginx runs nginx before b until the test ends.
//
// Its configuration is deploy/nginx.conf, in which these are replaced: where it listens, the addresses of Beckon, the
// files of the certificate, those to which nginx writes, and what the test says. Each must be there as often as this
// function expects.
//
// It runs in the foreground, in a directory of its own. Its ports are opened here and handed to it, as
// one nginx does to the one that takes its place: they are free for certain, and whoever connects early waits.
func startNginx(t *testing.T, b beckon, replace map[string]string) *proxy {
	const install = "On Debian or Ubuntu: apt-get install nginx"
	program, err := exec.LookPath("nginx")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/nginx") // Debian has it there, and not everybody's PATH does.
	}
	if err != nil {
		t.Fatalf("%v. %s", err, install)
	}
	dir := t.TempDir()
	roots := writeCertificate(t, dir)
	ports := []*net.TCPListener{listen(t), listen(t)}

	text, err := os.ReadFile("nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	conf := string(text)
	edit := func(old, new string, times int) {
		if n := strings.Count(conf, old); n != times {
			t.Fatalf("nginx.conf has %q %d times, want it %d times", old, n, times)
		}
		conf = strings.ReplaceAll(conf, old, new)
	}
	edit("listen 0.0.0.0:443 ", "listen "+ports[0].Addr().String()+" ", 2)
	edit("listen [::]:443 ", "listen "+ports[1].Addr().String()+" ", 2)
	edit("server 127.0.0.1:8080;", "server "+b.web+";", 1)
	edit("server 127.0.0.1:50051;", "server "+b.grpc+";", 1)
	edit("/etc/ssl/beckon/", dir+"/", 2)
	edit("pid /run/nginx.pid;", "pid "+dir+"/nginx.pid;", 1)
	edit("access_log /var/log/nginx/access.log;", "access_log "+dir+"/access.log;", 1)
	for old, new := range replace {
		edit(old, new, 1)
	}
	// Without these lines nginx wants the system's own directories, though it does not use them.
	var temporary strings.Builder
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temporary.WriteString("    " + kind + "_temp_path " + dir + "/" + kind + ";\n")
	}
	edit("\nhttp {\n", "\nhttp {\n"+temporary.String(), 1)
	name := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(name, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}

	var stderr bytes.Buffer // To be read when the process has ended.
	process := exec.Command(program, "-p", dir, "-e", "stderr", "-c", name, "-g", "daemon off;")
	process.Stdout, process.Stderr = &stderr, &stderr
	process.Env = append(os.Environ(), "NGINX=3;4;")          // The descriptors of the ports.
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // With its workers.
	for _, port := range ports {
		file, err := port.File()
		if err != nil {
			t.Fatal(err)
		}
		process.ExtraFiles = append(process.ExtraFiles, file)
	}
	err = process.Start()
	for i, port := range ports {
		// Start has made them blocking, which nginx does not undo: of two workers that see the same client, one would hang.
		if err := syscall.SetNonblock(int(process.ExtraFiles[i].Fd()), true); err != nil {
			t.Fatal(err)
		}
		_ = process.ExtraFiles[i].Close() // The process has its own.
		_ = port.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- process.Wait() }()
	t.Cleanup(func() {
		_ = process.Process.Signal(syscall.SIGTERM) // If it has ended before, Wait tells.
		kill := time.AfterFunc(patience, func() { _ = syscall.Kill(-process.Process.Pid, syscall.SIGKILL) })
		defer kill.Stop()
		if err := <-ended; err != nil || t.Failed() {
			t.Errorf("nginx has ended (%v) and printed:\n%s", err, stderr.String())
		}
	})
	_, port, err := net.SplitHostPort(ports[0].Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return &proxy{addr: ports[0].Addr().String(), authority: net.JoinHostPort(host, port), roots: roots}
}

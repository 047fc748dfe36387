package main

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServeTokens goes the whole way: a key, tokens made with it, a server that takes them, clients that show them.
func TestServeTokens(t *testing.T) {
	key, otherKey := writeFile(t, testSecret), writeFile(t, strings.Repeat("o", 32))
	token := func(key string, args ...string) string {
		return writeFile(t, makeToken(t, append([]string{"--key", key}, args...)...))
	}
	revoked := writeFile(t, "")
	server, ports := startServer(t, "--token-key-file", key, "--token-audience", "beckon", "--revocations-file", revoked)
	join := func(room, token string) *program {
		args := []string{"join", room, "--server", ports["grpc"]}
		if token != "" {
			args = append(args, "--token-file", token)
		}
		return start(t, args...)
	}

	anas := token(key, "--sub", "ana", "--name", "Ana", "--room", "lobby", "--aud", "beckon")
	bobs := token(key, "--sub", "bob", "--name", "Bob", "--may", "join", "--aud", "beckon")
	ana := join("lobby", anas)
	ana.out.expect("that is you, identity ana")
	bob := join("lobby", bobs)
	bob.out.expect("that is you, identity bob")
	ana.out.expect("* Bob (")
	ana.typeLine("hello")
	bob.out.expect("<Ana> hello")
	bob.typeLine("hello")
	bob.out.expect("! PERMISSION_DENIED: ")
	server.errs.expect(`"identity":"bob"`)

	for _, c := range []struct{ about, room, token, want string }{
		{"none", "lobby", "", "NO_TOKEN: there is no access token"},
		{"nothing in the file", "lobby", writeFile(t, "\n"), "_TOKEN: "},
		{"no token in the file", "lobby", writeFile(t, "hello\n"), "BAD_TOKEN: "},
		{"another key", "lobby", token(otherKey, "--sub", "ana", "--aud", "beckon"), "BAD_TOKEN: the token's signature is wrong"},
		{"another audience", "lobby", token(key, "--sub", "ana", "--aud", "shop"), `BAD_TOKEN: the token's audience (aud) is "shop": expected "beckon"`},
		{"another room", "den", anas, `PERMISSION_DENIED: your access does not allow room "den": it allows lobby`},
	} {
		t.Run(c.about, func(t *testing.T) {
			refused := join(c.room, c.token)
			if line := refused.errs.expect("beckon: "); !strings.Contains(line, c.want) {
				t.Errorf("got  %s\nwant %s", line, c.want)
			}
			refused.expectExit(exitFailed)
		})
	}

	// Taken back by the file: what is there goes, what comes is refused.
	replacement := writeFile(t, "sub:bob\n")
	if err := os.Rename(replacement, revoked); err != nil {
		t.Fatal(err)
	}
	bob.errs.expect("no longer in lobby: kicked")
	bob.expectExit(exitFailed)
	ana.out.expect(") left: kicked")
	refused := join("lobby", bobs)
	refused.errs.expect("KICKED: ")
	refused.expectExit(exitFailed)

	// And by an operator.
	response, err := http.Post("http://"+ports["admin"]+"/revoke", "text/plain", strings.NewReader("sub:ana"))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("/revoke: %s", response.Status)
	}
	ana.errs.expect("no longer in lobby: kicked")
	ana.expectExit(exitFailed)
}

// TestServeTokenProcess: the same with processes, which share nothing but files; and the token is in no log.
func TestServeTokenProcess(t *testing.T) {
	key := writeFile(t, testSecret)
	token := makeToken(t, "--key", key, "--sub", "ana")
	_, log := startProcess(t, "serve", "--grpc=127.0.0.1:0", "--web=off", "--admin=off", "--log-format=json", "--log-level=debug",
		"--log-payloads", "--token-key-file="+key)
	ports := awaitReady(log)

	join := exec.CommandContext(t.Context(), os.Args[0], "join", "lobby", "--server", ports["grpc"])
	join.Env = append(os.Environ(), "RUN_AS_BECKON=1", "BECKON_TOKEN_FILE="+writeFile(t, token))
	printed, err := join.CombinedOutput() // The end of the input ends it.
	if err != nil || !strings.Contains(string(printed), "that is you, identity ana") {
		t.Errorf("join: %v\n%s", err, printed)
	}
	for {
		line := log.expect("")
		if strings.Contains(line, strings.TrimSpace(token)) {
			t.Errorf("the log has the token: %s", line)
		}
		if strings.Contains(line, `"msg":"stream ended"`) {
			break
		}
	}
}

// TestServeTLS: with a certificate that Go's own program makes, native clients are served over TLS and over nothing else, and
// so are browsers.
func TestServeTLS(t *testing.T) {
	dir := developmentCertificate(t)
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	_, ports := startServer(t, "--tls-cert-file", cert, "--tls-key-file", key)

	ana := start(t, "join", "lobby", "--name", "ana", "--server", ports["grpc"], "--ca", cert)
	ana.out.expect("that is you")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "cannot reach "}, // In plaintext, as on this machine.
		{[]string{"--tls"}, "certificate"},
		{[]string{"--ca", filepath.Join(developmentCertificate(t), "cert.pem")}, "certificate"}, // Another one.
	} {
		refused := start(t, append([]string{"join", "lobby", "--server", ports["grpc"]}, c.args...)...)
		if line := refused.errs.expect("beckon: cannot reach "); !strings.Contains(line, c.want) {
			t.Errorf("%q: got %s, want %s", c.args, line, c.want)
		}
		refused.expectExit(exitFailed)
	}

	response, err := http.Get("http://" + ports["web"])
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode == http.StatusOK {
		t.Error("the web port serves a page without TLS")
	}
}

// developmentCertificate has a certificate for this machine made, as README.md tells: cert.pem and key.pem in a directory.
func developmentCertificate(t *testing.T) (dir string) {
	t.Helper()
	goroot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(strings.TrimSpace(string(goroot)), "src/crypto/tls/generate_cert.go")
	dir = t.TempDir()
	generate := exec.CommandContext(t.Context(), "go", "run", program, "-host", "localhost,127.0.0.1", "-ecdsa-curve", "P256")
	generate.Dir = dir
	if printed, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	return dir
}

// TestServeOpen: where others can reach it a server does not run by accident. What is allowed and seldom meant is logged.
func TestServeOpen(t *testing.T) {
	const expected = `: others can reach it, and nothing tells who may do what: expected --token-key-file, --token-jwks, --auth-webhook or --client-ca-file, an address of this machine alone, or --open to let everybody do everything`
	for _, c := range []struct{ line, want string }{
		{"serve --grpc :0 --web off --admin off", `--grpc: ":0"` + expected},
		{"serve --grpc localhost:0 --web 0.0.0.0:0 --admin off", `--web: "0.0.0.0:0"` + expected},
		{"serve --grpc localhost:0 --web off --admin :0 --open", `--admin: ":0": others can reach it, and anybody could end the server: expected --admin-secret-file, --token-key-file or --token-jwks, or an address of this machine alone`},
	} {
		if code, _, stderr := runBeckon(t, strings.Fields(c.line)...); code != exitUsage || stderr != "beckon: "+c.want+"\n" {
			t.Errorf("%s: exit code %d\ngot  %swant beckon: %s", c.line, code, stderr, c.want)
		}
	}

	key := writeFile(t, testSecret)
	for _, c := range []struct {
		line, want string // Empty: there is no warning.
	}{
		{"--grpc :0 --open", "open to everybody"},
		{"--grpc :0 --token-key-file " + key, ""},
		{"--grpc localhost:0", ""},
		{"--grpc localhost:0 --trusted-proxy 127.0.0.1", "who comes through the proxy may do everything"},
		{"--grpc localhost:0 --trusted-proxy 127.0.0.1 --token-key-file " + key, ""},
		{"--grpc localhost:0 --token-jwks http://127.0.0.1:1/keys", "--token-audience would tell them apart"},
		{"--grpc localhost:0 --token-jwks http://127.0.0.1:1/keys --token-audience beckon", ""},
	} {
		t.Run(c.line, func(t *testing.T) {
			server := start(t, append([]string{"serve", "--web", "off", "--admin", "off"}, strings.Fields(c.line)...)...)
			warned := ""
			for {
				line := server.errs.expect("")
				if strings.Contains(line, "level=WARN") && !strings.Contains(line, "JWK Set cannot") {
					warned += line
				}
				if strings.Contains(line, "msg=ready") {
					break
				}
			}
			if !strings.Contains(warned, c.want) || c.want == "" && warned != "" {
				t.Errorf("the warnings are %q, want %q", warned, c.want)
			}
		})
	}
}

// TestServeAccessErrors: a setting that would have no effect, or not the one that was meant, is told in the words of the
// flags.
func TestServeAccessErrors(t *testing.T) {
	f, elsewhere := writeFile(t, testSecret), writeFile(t, testSecret)
	for _, c := range []struct{ line, want string }{
		{"--tls-cert-file F", "--tls-cert-file and --tls-key-file: expected both, or none"},
		{"--tls-key-file F", "--tls-cert-file and --tls-key-file: expected both, or none"},
		{"--tls-cert-file missing", `--tls-cert-file: "missing": no such file or directory: expected a certificate chain in PEM`},
		{"--tls-cert-file F --tls-key-file G", "--tls-cert-file and --tls-key-file: expected both in one directory, written alike, so that both are replaced together"},
		{"--client-ca-file F", "--client-ca-file: expected --tls-cert-file, too: certificates are shown over TLS only"},
		{"--token-key-file missing", `--token-key-file: "missing": no such file or directory: expected a secret, a public key in PEM or a JWK Set`},
		{"--token-key-file F --token-jwks https://id.example.org/keys", "--token-key-file does not go with --token-jwks"},
		{"--token-key-file F --auth-webhook https://a.example --auth-webhook-key-file F", "--auth-webhook goes with neither --token-key-file nor --token-jwks: the service reads the token"},
		{"--auth-webhook https://a.example", "--auth-webhook: expected --auth-webhook-key-file, too"},
		{"--auth-webhook-key-file F", "--auth-webhook-key-file: expected --auth-webhook, too"},
		{"--token-issuer me", "--token-issuer: expected --token-key-file or --token-jwks, too"},
		{"--token-audience beckon", "--token-audience: expected --token-key-file or --token-jwks, too"},
		{"--revocations-file F", "--revocations-file: nothing tells who anybody is: expected --token-key-file, --token-jwks, --auth-webhook or --client-ca-file, too"},
		{"--ice-servers-file missing", `--ice-servers-file: "missing": no such file or directory: expected a list of urls, username and credential in YAML`},
		{"--turn-public-ip 192.0.2.1", "--turn-public-ip: expected --turn, too"},
		{"--turn-host turn.example.org", "--turn-host: expected --turn, too"},
		{"--turn-tls 127.0.0.1:0", "--turn-tls: expected --turn, too"},
		{"--turn 127.0.0.1:0 --turn-tls 127.0.0.1:0", "--turn-tls: expected --tls-cert-file, too"},
		{"--turn-allow-private", "--turn-allow-private: expected --turn, too"},
		{"--turn-secret-file F", "--turn-secret-file: expected --turn, or an --ice-server of turn:, too"},
		{"--turn :0", `--turn: ":0": this is every address of this machine: expected --turn-public-ip, too, the one that clients reach it by`},
		{"--turn 0.0.0.0:0", `--turn: "0.0.0.0:0": this is every address of this machine: expected --turn-public-ip, too, the one that clients reach it by`},
		{"--turn 127.0.0.1:0 --turn-public-ip 2001:db8::1", `--turn-public-ip: "2001:db8::1": expected an address of the same family, IPv4 or IPv6, as --turn 127.0.0.1:0`},
		{"--ice-server stun:a.example.org --ice-server TURN:b.example.org", `--ice-server: "TURN:b.example.org": expected --turn-secret-file, too, the secret that it shares with this server; a server with a fixed username and password goes into --ice-servers-file`},
		{"--turn-ttl 5m", "--turn-ttl: expected --turn, or an --ice-server of turn:, too"},
		{"--token-skew 5s", "--token-skew: expected --token-key-file or --token-jwks, too"},
		{"--tls-min-version 1.2", "--tls-min-version: expected --tls-cert-file, too"},
		{"--admin off --admin-secret-file F", "--admin-secret-file: there is no admin port: expected --admin with an address"},
		{"--web off --web-origin https://app.example", "--web-origin: there is no web port: expected --web with an address"},
		{"--token-key-file F --open", "--open: with --token-key-file, --token-jwks, --auth-webhook or --client-ca-file a server may be reached by others as it is: expected no --open"},
		{"--token-skew -1s", `--token-skew: "-1s": expected a duration of at least 0s, such as 30s or 1m30s`},
		{"--turn-ttl 1s", `--turn-ttl: "1s": expected a duration of at least 1m0s, such as 2m0s`},
		{"--token-key-file=", "--token-key-file: it is empty, and so would not protect anything: expected a value, or no --token-key-file"},
		{"--relay-only=", "--relay-only: it is empty, and so would not protect anything: expected a value, or no --relay-only"},
		{"--tls-min-version 1.1", `--tls-min-version: "1.1": expected 1.2 or 1.3`},
		{"--traces-endpoint http://ana:secret@localhost:4317", "--traces-endpoint: expected an address such as http://localhost:4317, without a user"},
	} {
		line := "serve " + strings.NewReplacer(" F", " "+f, " G", " "+elsewhere).Replace(c.line)
		if code, _, stderr := runBeckon(t, strings.Fields(line)...); code != exitUsage || stderr != "beckon: "+c.want+"\n" {
			t.Errorf("%s: exit code %d\ngot  %swant beckon: %s", c.line, code, stderr, c.want)
		}
	}
}

// TestServeNamesSources: a wrong value is told with where it was written, and what may have a password in it without the value.
func TestServeNamesSources(t *testing.T) {
	const pattern = "expected the name of a room, or the beginning of names and then one *, without spaces around"
	for _, c := range []struct{ flag, value, want string }{
		{"relay-only", "a*b", `"a*b": ` + pattern},
		{"relay-only", "team-*, sales", `"team-*, sales": ` + pattern},
		{"hide-host", "sales ", `"sales ": ` + pattern},
		{"turn", "3478", `"3478": expected HOST:PORT, such as localhost:50051 or :50051`},
		{"turn", "203.0.113.7:70000", `"203.0.113.7:70000": expected a port from 0 to 65535`},
		{"turn", "[fe80::1%lo]:3478", `"[fe80::1%lo]:3478": expected an address of this machine, such as 203.0.113.7:3478, or a name that stands for one`},
		{"turn-public-ip", "turn.example.org", `"turn.example.org": expected the IP address of one machine, such as 203.0.113.7`},
		{"turn-public-ip", "0.0.0.0", `"0.0.0.0": expected the IP address of one machine, such as 203.0.113.7`},
		{"turn-public-ip", "fe80::1%lo", `"fe80::1%lo": expected the IP address of one machine, such as 203.0.113.7`},
		{"turn-public-ip", "224.0.0.1", `"224.0.0.1": expected the IP address of one machine, such as 203.0.113.7`},
		{"turn-tls", "5349", `"5349": expected HOST:PORT, such as localhost:50051 or :50051`},
		{"turn-host", "turn.example.org:3478", `"turn.example.org:3478": expected a name such as turn.example.org, without a port`},
		{"turn-ttl", "1s", `"1s": expected a duration of at least 1m0s, such as 2m0s`},
		{"ice-server", "stun.example.org", `"stun.example.org": expected a URL that begins with "stun:", "stuns:", "turn:" or "turns:"`},
		{"ice-server", "stun:a.example.org,turn:b.example.org:0", `"stun:a.example.org,turn:b.example.org:0": expected a port from 1 to 65535, or none`},
		{"ice-server", "turn:ana:hush@turn.example.org", `there is an "@": expected a URL without a user: username and credential are told apart from it`},
		{"ice-servers-file", "missing", `"missing": no such file or directory: expected a list of urls, username and credential in YAML`},
		{"turn-secret-file", "missing", `"missing": no such file or directory: expected a file such as "openssl rand -hex 32" writes`},
		{"web-origin", "app.example.org", `"app.example.org": expected an origin such as "https://app.example.org", or "*" for any`},
	} {
		expect := func(source string, args ...string) {
			t.Helper()
			want := "beckon: " + source + ": " + c.want + "\n"
			if code, _, stderr := runBeckon(t, append([]string{"serve"}, args...)...); code != exitUsage || stderr != want {
				t.Errorf("exit code %d\ngot  %swant %s", code, stderr, want)
			}
		}
		expect("--"+c.flag, "--"+c.flag, c.value)
		file := writeFile(t, "# Ours.\n"+c.flag+": '"+c.value+"'\n")
		expect(file+":2: "+c.flag, "--config", file)
		t.Run("in the environment", func(t *testing.T) {
			name := "BECKON_" + strings.ToUpper(strings.ReplaceAll(c.flag, "-", "_"))
			t.Setenv(name, c.value)
			expect(name)
		})
	}
}

// TestServeTURNInUse: so is a port that is taken.
func TestServeTURNInUse(t *testing.T) {
	taken, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	addr := taken.LocalAddr().String()
	code, _, stderr := runBeckon(t, "serve", "--grpc", "127.0.0.1:0", "--web", "off", "--admin", "off", "--turn", addr)
	want := "beckon: open the turn port: listen udp " + addr + ": bind: address already in use (--turn changes the address)\n"
	if code != exitFailed || stderr != want {
		t.Errorf("exit code %d\ngot  %swant %s", code, stderr, want)
	}
}

// TestServeTURNTLS: the TURN server has a port for TLS, of which clients are told by a name that its certificate is for.
func TestServeTURNTLS(t *testing.T) {
	ca := newAuthority(t)
	cert, key := ca.issue("turn.example.org")
	args := []string{"--tls-cert-file", cert, "--tls-key-file", key, "--turn", "127.0.0.1:0", "--turn-tls", "127.0.0.1:0"}
	_, ports := startServer(t, append(args, "--turn-host", "turn.example.org")...)
	ana := start(t, "join", "lobby", "--json", "--server", ports["grpc"], "--ca", ca.file)
	if welcome := ana.out.expect(`"welcome"`); !strings.Contains(welcome, `"turns:turn.example.org:`) {
		t.Errorf("the welcome lacks the URL: %s", welcome)
	}

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, c := range []struct {
		line string
		code int
		want string
	}{
		{"--turn-host elsewhere.example.org", exitUsage, `--turn-tls: clients would be told of the host "elsewhere.example.org", and the certificate of --tls-cert-file is for turn.example.org, 127.0.0.1: expected --turn-host, a name that it is for`},
		{"--turn-tls " + taken.Addr().String(), exitFailed, "open the turn-tls port: listen tcp " + taken.Addr().String() + ": bind: address already in use (--turn-tls changes the address)"},
	} {
		line := slices.Concat([]string{"serve", "--grpc", "127.0.0.1:0", "--web", "off", "--admin", "off"}, args, strings.Fields(c.line))
		if code, _, stderr := runBeckon(t, line...); code != c.code || stderr != "beckon: "+c.want+"\n" {
			t.Errorf("%s: exit code %d\ngot  %swant beckon: %s", c.line, code, stderr, c.want)
		}
	}
}

// TestServeICEServersFile: clients are told of the servers in the file; what is wrong in it is told at the start, and no
// credential is shown.
func TestServeICEServersFile(t *testing.T) {
	good := writeFile(t, "- urls: turn:turn.example.org\n  username: everybody\n  credential: hush\n")
	server, ports := startServer(t, "--config", writeFile(t, "ice-servers-file: "+good+"\nlog-level: debug\n"))
	ana := start(t, "join", "lobby", "--json", "--server", ports["grpc"])
	const want = `"ice_servers":[{"urls":["turn:turn.example.org"],"username":"everybody","credential":"hush"}]`
	if welcome := ana.out.expect(`"welcome"`); !strings.Contains(welcome, want) {
		t.Errorf("the welcome lacks %s: %s", want, welcome)
	}
	ana.interrupt(interruption{syscall.SIGTERM})
	for line := ""; !strings.Contains(line, `"msg":"session ended"`); {
		if line = server.errs.expect(""); strings.Contains(line, "hush") {
			t.Errorf("the log has the credential: %s", line)
		}
	}

	bad := writeFile(t, "- urls: turn:turn.example.org\n  username: everybody\n  password: hush\n")
	code, _, stderr := runBeckon(t, "serve", "--ice-servers-file", bad)
	expected := "beckon: ICE servers in " + bad + `: line 3: "password": expected urls, username or credential` + "\n"
	if code != exitFailed || stderr != expected {
		t.Errorf("exit code %d\ngot  %swant %s", code, stderr, expected)
	}
}

// TestSkewFlag: 0 is not at all, which is a negative number to the server; nothing is the default.
func TestSkewFlag(t *testing.T) {
	for text, want := range map[string]time.Duration{"0": -1, "0s": -1, "5s": 5 * time.Second} {
		d := 30 * time.Second
		if err := skew(&d).Set(text); err != nil || d != want {
			t.Errorf("%q: %d %v, want %d", text, d, err, want)
		}
	}
	none := time.Duration(-1)
	if shown := skew(&none).String(); shown != "0s" {
		t.Errorf("not at all is shown as %q", shown)
	}
}

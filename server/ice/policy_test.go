package ice_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/beckonrtc/beckon/server/ice"
)

const (
	host     = "candidate:2073480463 1 udp 2113937151 192.168.1.23 54400 typ host generation 0 ufrag xW3k network-cost 999"
	mdns     = "candidate:2073480463 1 udp 2113937151 8b6a3c5e-2e1c-4a86-9e39-2c8a0f0a3a11.local 54400 typ host generation 0 ufrag xW3k network-cost 999"
	hostTCP  = "candidate:0 1 TCP 2105458943 192.168.1.23 9 typ host tcptype active"
	hostIPv6 = "candidate:1 1 udp 2113939711 2001:db8:1::23 54401 typ host generation 0"
	srflx    = "candidate:842163049 1 udp 1677729535 203.0.113.7 54400 typ srflx raddr 192.168.1.23 rport 54400 generation 0 ufrag xW3k network-cost 999"
	prflx    = "candidate:842163050 1 udp 1677729535 203.0.113.7 54402 typ prflx raddr 192.168.1.23 rport 54400"
	relay    = "candidate:3098175849 1 udp 25108223 198.51.100.5 50123 typ relay raddr 203.0.113.7 rport 54400 generation 0 ufrag xW3k network-cost 999"
	relay6   = "candidate:3098175850 1 udp 25108223 2001:db8:2::5 50124 typ relay raddr 2001:db8:1::23 rport 54401"

	srflxHidden  = "candidate:842163049 1 udp 1677729535 203.0.113.7 54400 typ srflx raddr 0.0.0.0 rport 9 generation 0 ufrag xW3k network-cost 999"
	prflxHidden  = "candidate:842163050 1 udp 1677729535 203.0.113.7 54402 typ prflx raddr 0.0.0.0 rport 9"
	relayHidden  = "candidate:3098175849 1 udp 25108223 198.51.100.5 50123 typ relay raddr 0.0.0.0 rport 9 generation 0 ufrag xW3k network-cost 999"
	relay6Hidden = "candidate:3098175850 1 udp 25108223 2001:db8:2::5 50124 typ relay raddr :: rport 9"
)

func TestCandidate(t *testing.T) {
	tests := []struct {
		candidate           string
		hideHost, relayOnly string // "": dropped.
	}{
		{host, "", ""},
		{mdns, "", ""},
		{hostTCP, "", ""},
		{hostIPv6, "", ""},
		{srflx, srflxHidden, ""},
		{strings.ReplaceAll(srflx, "203.0.113.7", "192.168.1.23"), "", ""}, // As a STUN server in the same network has it.
		{strings.ReplaceAll(prflx, "203.0.113.7", "fd00::1"), "", ""},
		{prflx, prflxHidden, ""},
		{relay, relayHidden, relayHidden},
		{relay6, relay6Hidden, relay6Hidden},
	}
	for _, test := range tests {
		for policy, want := range map[ice.Policy]string{ice.ShowAll: test.candidate, ice.HideHost: test.hideHost, ice.RelayOnly: test.relayOnly} {
			got, pass, err := policy.Candidate(test.candidate)
			if got != want || pass != (want != "") || err != nil {
				t.Errorf("%s: %q became\n%q, %t, %v, want\n%q", policy, test.candidate, got, pass, err, want)
			}
		}
	}
}

func TestEndOfCandidates(t *testing.T) {
	for _, policy := range []ice.Policy{ice.ShowAll, ice.HideHost, ice.RelayOnly} {
		if got, pass, err := policy.Candidate(""); got != "" || !pass || err != nil {
			t.Errorf("%s: the end of candidates became %q, %t, %v", policy, got, pass, err)
		}
	}
}

// What one reader could take for another candidate than the policy does is refused.
func TestCandidateThatCannotBeRead(t *testing.T) {
	for _, candidate := range []string{
		" ",
		"candidate:",
		"candidate",
		"end-of-candidates",
		strings.TrimPrefix(relay, "candidate:"),
		"a=" + relay,
		"Candidate:" + strings.TrimPrefix(relay, "candidate:"),
		"candidate:" + relay,
		relay + "\r\na=" + host,
		relay + "\n",
		relay + "\x00",
		relay + " ",
		relay + " typ host",
		strings.Replace(relay, " ", "  ", 1),
		strings.Replace(relay, " ", "\t", 1),
		strings.Replace(relay, "typ relay", "typ RELAY", 1),
		strings.Replace(relay, "typ relay", "TYP relay", 1),
		strings.Replace(relay, "typ relay", "typ hidden", 1),
		strings.Replace(relay, "typ relay", "generation 0 typ relay", 1),
		strings.Replace(relay, "198.51.100.5", "relay.example.org", 1),
		strings.Replace(relay6, "2001:db8:2::5", "fe80::1%eth0", 1),
		strings.Replace(srflx, "203.0.113.7", "8b6a3c5e.local", 1),
		strings.Replace(relay, "50123", "65536", 1),
		"candidate:1 1 udp 1 198.51.100.5 50123 typ",
	} {
		for _, policy := range []ice.Policy{ice.HideHost, ice.RelayOnly} {
			got, pass, err := policy.Candidate(candidate)
			if got != "" || pass || err == nil || !strings.Contains(err.Error(), "expected \"candidate:") {
				t.Errorf("%s: %q became %q, %t, %v; want an error that tells what was expected", policy, candidate, got, pass, err)
			} else if strings.Contains(err.Error(), "203.0.113.7") {
				t.Errorf("the error shows an address: %v", err)
			}
		}
		if got, pass, err := ice.ShowAll.Candidate(candidate); got != candidate || !pass || err != nil {
			t.Errorf("SHOW_ALL: %q became %q, %t, %v", candidate, got, pass, err)
		}
	}
}

func TestParsePolicy(t *testing.T) {
	for _, policy := range []ice.Policy{ice.ShowAll, ice.HideHost, ice.RelayOnly} {
		if got, err := ice.ParsePolicy(policy.String()); got != policy || err != nil {
			t.Errorf("ParsePolicy(%q): %v, %v", policy, got, err)
		}
	}
	for _, name := range []string{"", "relay_only", "RELAY"} {
		if _, err := ice.ParsePolicy(name); err == nil || !strings.Contains(err.Error(), "expected RELAY_ONLY") {
			t.Errorf("ParsePolicy(%q): %v", name, err)
		}
	}
	if got := ice.Policy(7).String(); got != "Policy(7)" {
		t.Errorf("an unknown policy is %q", got)
	}
}

func FuzzCandidate(f *testing.F) {
	for _, candidate := range []string{"", host, mdns, hostTCP, hostIPv6, srflx, prflx, relay, relay6, relay + " typ host", relay + "\r\na=" + host} {
		f.Add(candidate)
	}
	f.Fuzz(func(t *testing.T, candidate string) {
		for _, policy := range []ice.Policy{ice.HideHost, ice.RelayOnly} {
			got, pass, err := policy.Candidate(candidate)
			if !pass || err != nil {
				if got != "" || pass {
					t.Errorf("%s: %q, %t, %v", policy, got, pass, err)
				}
				continue
			}
			if got == "" && candidate == "" {
				continue
			}
			value, ok := strings.CutPrefix(got, "candidate:")
			if !ok || strings.ContainsAny(got, "\r\n") {
				t.Fatalf("%s: %q is no candidate", policy, got)
			}
			checkCandidate(t, policy, value)
			if again, pass, err := policy.Candidate(got); again != got || !pass || err != nil {
				t.Errorf("%s: %q became %q, %t, %v", policy, got, again, pass, err)
			}
		}
	})
}

// checkCandidate reads a candidate as leniently as any reader might, and fails the test if it shows what it should not.
func checkCandidate(t *testing.T, policy ice.Policy, value string) {
	t.Helper()
	fields := strings.Fields(strings.ToLower(value))
	types := 0
	for i, f := range fields {
		next := ""
		if i+1 < len(fields) {
			next = fields[i+1]
		}
		switch f {
		case "typ":
			types++
			if next != "relay" && (policy == ice.RelayOnly || next != "srflx" && next != "prflx") {
				t.Errorf("%s let a candidate of type %q pass: %q", policy, next, value)
			}
		case "raddr":
			if addr, err := netip.ParseAddr(next); i > 7 && next != "" && (err != nil || !addr.IsUnspecified()) {
				t.Errorf("%s let a related address pass: %q", policy, value)
			}
		}
	}
	if types == 0 {
		t.Errorf("%s let a candidate without a type pass: %q", policy, value)
	}
}

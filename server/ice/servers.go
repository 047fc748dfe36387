package ice

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Config is which servers clients are told of. The zero value stands for none.
type Config struct {
	// In the order in which clients are told.
	Servers []Server
	// How long a credential made from a secret is valid. Default: 1 h. Must be at least 1 min.
	TTL time.Duration
}

// A Server is a STUN or TURN server, or several that take the same credentials. One with a "turn:" or "turns:" URL needs
// either Username and Credential, or Secrets; one without takes neither.
type Server struct {
	// At least one, as RFC 7064 and RFC 7065 have them.
	URLs []string
	// What every user is told, for a server whose credentials do not change.
	Username   string
	Credential Secret
	// What the server shares with this one, to make credentials that last for a time. The first signs. The others are
	// those that the server may still take, or takes already, while a secret is replaced.
	Secrets []Secret
}

const (
	defaultTTL = time.Hour
	leastTTL   = time.Minute
)

// Servers tells users of servers. All methods may be called concurrently.
type Servers struct {
	// Immutable.
	servers []Server
	ttl     time.Duration
	lasting bool // No credential ends.
}

// NewServers returns Servers for c, or an error that tells what in c is wrong.
func NewServers(c Config) (*Servers, error) {
	s := &Servers{ttl: cmp.Or(c.TTL, defaultTTL), lasting: true}
	if s.ttl < leastTTL {
		return nil, fmt.Errorf("TTL is %s: expected at least %s, or 0 for the default of %s", c.TTL, leastTTL, defaultTTL)
	}
	for i, server := range c.Servers {
		if err := server.check(); err != nil {
			return nil, fmt.Errorf("ICE server %d: %w", i+1, err)
		}
		server.URLs = slices.Clone(server.URLs)
		server.Secrets = slices.Clone(server.Secrets)
		s.servers = append(s.servers, server)
		s.lasting = s.lasting && len(server.Secrets) == 0
	}
	return s, nil
}

// check returns an error that tells what in s is wrong, if anything is.
func (s Server) check() error {
	if len(s.URLs) == 0 {
		return errors.New(`it has no URLs: expected at least one, such as "stun:stun.example.org"`)
	}
	turn := false
	for _, raw := range s.URLs {
		uri, err := parseURL(raw)
		switch {
		case err != nil && strings.Contains(raw, "@"): // What stands before it may be a password.
			return fmt.Errorf("a URL: %w", err)
		case err != nil:
			return fmt.Errorf("URL %q: %w", raw, err)
		}
		turn = turn || isTURN(uri)
	}
	fixed, made := s.Username != "" || s.Credential != "", len(s.Secrets) > 0
	switch {
	case !turn && (fixed || made):
		return errors.New("it has credentials and no TURN server to use them: expected none with STUN URLs alone")
	case turn && fixed == made:
		return errors.New("it has a TURN URL: expected either a username and a credential, or a shared secret that they are made with")
	case fixed && (s.Username == "" || s.Credential == ""):
		return errors.New("it has one of username and credential: expected both")
	}
	return checkSecrets(s.Secrets)
}

// Issue returns what to tell a user now. The user's id must not be empty; TURN servers see it.
func (s *Servers) Issue(user string, now time.Time) []*beckonv1.IceServer {
	end := now.Add(s.ttl).Truncate(time.Second) // As exact as a username can tell.
	servers := make([]*beckonv1.IceServer, len(s.servers))
	for i, server := range s.servers {
		out := &beckonv1.IceServer{
			Urls:       slices.Clone(server.URLs),
			Username:   server.Username,
			Credential: string(server.Credential),
		}
		if len(server.Secrets) > 0 {
			out.Username = usernameFor(user, end)
			out.Credential = sign(server.Secrets[0], out.Username)
			out.Expires = timestamppb.New(end)
		}
		servers[i] = out
	}
	return servers
}

// RenewAfter returns how long after Issue to issue anew: from 75 to 85 % of the credentials' life, at random, so that
// sessions that began together do not renew together. 0: never, since nothing expires.
func (s *Servers) RenewAfter() time.Duration {
	if s.lasting {
		return 0
	}
	return s.ttl*3/4 + rand.N(s.ttl/10)
}

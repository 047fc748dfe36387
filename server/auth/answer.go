package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	maxICEServers = 16
	maxICEURLs    = 8
	maxICEText    = 1 << 10 // Bytes.
	maxReason     = 256
)

// answerMembers are those of a webhook's answer.
var answerMembers = append([]string{"allow", "reason", "identity", "name", "expires", "ice_servers"}, grantMembers...)

// parseAnswer reads what a webhook has answered: a grant, or a refusal. An error tells that it is no answer.
func parseAnswer(data []byte) (*Grant, *Error, error) {
	m, err := parseMembers("", string(data))
	if err != nil {
		return nil, nil, err
	}
	if err := m.only(answerMembers...); err != nil {
		return nil, nil, err
	}
	allow, err := m.flag("allow")
	if err == nil && !m.has("allow") {
		err = errors.New("there is no allow: expected true or false")
	}
	if err != nil {
		return nil, nil, err
	}
	if !allow {
		reason, err := m.text("reason")
		if err != nil {
			return nil, nil, err
		}
		if reason == "" || checkText("reason", reason, "") != nil {
			reason = "the service that decides on sessions does not allow it"
		}
		return nil, &Error{Reason: NotAllowed, Detail: cut(reason, maxReason)}, nil
	}
	g := Grant{Issued: time.Now()}
	if g.Identity, err = m.text("identity"); err != nil {
		return nil, nil, err
	}
	if g.Identity == "" {
		return nil, nil, errors.New("there is no identity: expected who it is")
	}
	if g.Name, err = m.text("name"); err != nil {
		return nil, nil, err
	}
	if g.Expires, err = m.date("expires"); err != nil {
		return nil, nil, err
	}
	if g.ICEServers, err = parseICEServers(m); err != nil {
		return nil, nil, err
	}
	if err := g.parse(m); err != nil {
		return nil, nil, err
	}
	return &g, nil, g.check()
}

// parseICEServers reads a list of the dictionary RTCIceServer, with an expiry.
func parseICEServers(m members) ([]ICEServer, error) {
	if !m.has("ice_servers") {
		return nil, nil
	}
	items, ok := m.items("ice_servers")
	if !ok || len(items) > maxICEServers {
		// The value is not shown: it has passwords.
		return nil, fmt.Errorf("ice_servers: expected a list of at most %d objects", maxICEServers)
	}
	servers := make([]ICEServer, len(items))
	for i, item := range items {
		if err := servers[i].parse(item.Raw); err != nil {
			return nil, fmt.Errorf("ice_servers: entry %d: %w", i+1, err)
		}
	}
	return servers, nil
}

func (s *ICEServer) parse(data string) error {
	m, err := parseMembers("", data)
	if err != nil {
		return withoutContent(err)
	}
	if s.URLs, err = m.textOrTexts("urls"); err != nil {
		return err
	}
	if len(s.URLs) == 0 || len(s.URLs) > maxICEURLs {
		return fmt.Errorf("urls: expected 1 to %d", maxICEURLs)
	}
	for _, u := range s.URLs {
		scheme, host, _ := strings.Cut(u, ":")
		switch scheme {
		case "stun", "stuns", "turn", "turns":
		default:
			host = ""
		}
		if host == "" || len(u) > maxICEText || checkText("urls", u, "") != nil {
			return fmt.Errorf("urls has %s: expected such as stun:stun.example.org or turns:turn.example.org:5349", shown(u))
		}
	}
	var errs [2]error
	s.Username, errs[0] = m.text("username")
	s.Credential, errs[1] = m.text("credential")
	if errors.Join(errs[:]...) != nil || len(s.Username) > maxICEText || len(s.Credential) > maxICEText {
		return fmt.Errorf("username or credential: expected strings of at most %d bytes", maxICEText)
	}
	s.Expires, err = m.date("expires")
	return err
}

package auth

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Revocation takes back one token, or what a subject was granted. As text it is one of
//
//	jti:9f2c
//	sub:ana
//	sub:ana before 2026-11-22T10:00:00Z
//
// An identity that cannot be told from that, or begins with a quotation mark, is put in quotation marks, as in Go and JSON:
// sub:"ana before 2026-11-22T10:00:00Z".
type Revocation struct {
	// One of them is set.
	TokenID, Subject string
	// Of a subject: what was issued after it is good again; tokens tell whole seconds, so from the next one on. Zero:
	// nothing is.
	Before time.Time
}

// ParseRevocation reads the text of a Revocation. What comes after # is a comment only at the beginning of a line: an
// identity may have that sign.
func ParseRevocation(text string) (Revocation, error) {
	const expected = `expected jti:ID, sub:IDENTITY, sub:"IDENTITY", or sub:IDENTITY before TIME as in 2026-11-22T10:00:00Z`
	var r Revocation
	kind, value, _ := strings.Cut(strings.TrimSpace(text), ":")
	switch kind {
	case "jti":
		r.TokenID = value
	case "sub":
		r.Subject = value
		quoted := ""
		if strings.HasPrefix(value, `"`) {
			var err error
			if quoted, err = strconv.QuotedPrefix(value); err == nil {
				r.Subject, err = strconv.Unquote(quoted)
			}
			if value = value[len(quoted):]; err != nil || value != "" && !strings.HasPrefix(value, " before ") {
				return Revocation{}, fmt.Errorf("%s: %s", shown(text), expected)
			}
		}
		if i := strings.LastIndex(value, " before "); i >= 0 {
			before, err := time.Parse(time.RFC3339, strings.TrimSpace(value[i+len(" before "):]))
			if err != nil {
				return Revocation{}, fmt.Errorf("%s: %s", shown(text), expected)
			}
			if r.Before = before; quoted == "" {
				r.Subject = strings.TrimSpace(value[:i])
			}
		}
	default:
		return Revocation{}, fmt.Errorf("%s: %s", shown(text), expected)
	}
	if err := checkName(kind, r.TokenID+r.Subject); err != nil {
		return Revocation{}, fmt.Errorf("%s: %s", shown(text), err)
	}
	return r, nil
}

// revoked are Revocations to look up.
type revoked struct {
	tokens   map[string]bool
	subjects map[string]time.Time // Zero: for good.
}

func (r *revoked) add(v Revocation) {
	if v.TokenID != "" {
		r.tokens[v.TokenID] = true
		return
	}
	// Of two, the one that takes back more counts.
	before, twice := r.subjects[v.Subject]
	if !twice || v.Before.IsZero() || !before.IsZero() && v.Before.After(before) {
		r.subjects[v.Subject] = v.Before
	}
}

func (r *revoked) has(g *Grant) bool {
	if g.TokenID != "" && r.tokens[g.TokenID] {
		return true
	}
	before, ok := r.subjects[g.Identity]
	return ok && g.Identity != "" && (before.IsZero() || !g.Issued.After(before))
}

func newRevoked() revoked { return revoked{map[string]bool{}, map[string]time.Time{}} }

// Revocations are grants that were taken back: by the lines of a file, and by Revoke. All methods may be called
// concurrently.
type Revocations struct {
	logger *slog.Logger

	mu sync.RWMutex
	// Guarded by mu.
	file, own revoked
	changed   chan struct{} // Closed at the next change.
}

// NewRevocations returns what the file at path revokes: one Revocation a line; empty lines, and those that begin with #,
// do not count. It is read again within half a second of its change, until ctx ends. Without a path there is no file. The
// default of logger is slog.Default().
//
// A changed file that cannot be read takes nothing back of what was revoked. Of one with a mistake in it the other lines
// are added to what was revoked. Replace the file by renaming another one: what is half written counts, too.
func NewRevocations(ctx context.Context, path string, logger *slog.Logger) (*Revocations, error) {
	if logger == nil {
		logger = slog.Default()
	}
	r := &Revocations{logger: logger, file: newRevoked(), own: newRevoked(), changed: make(chan struct{})}
	if path == "" {
		return r, nil
	}
	started := false
	err := watchFile(ctx, path, func(data []byte, err error) error {
		if err != nil {
			if started {
				r.logger.Error("cannot read the file of revocations; what was revoked stays so", "error", err)
			}
			return err
		}
		list, err := ParseRevocations(data)
		if err != nil {
			err = fmt.Errorf("file of revocations %s: %w", path, err)
			if !started {
				return err
			}
			r.logger.Error("the changed file of revocations has mistakes; its other lines are added to what was revoked", "error", err)
		}
		started = true
		r.setFile(list, err != nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// ParseRevocations reads lines of them; empty ones, and those that begin with #, do not count. With an error it returns those of
// the lines that are right.
func ParseRevocations(data []byte) ([]Revocation, error) {
	var list []Revocation
	var first error
	n, wrong := 0, 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		v, err := ParseRevocation(line)
		if err == nil {
			list = append(list, v)
			continue
		}
		if wrong++; first == nil {
			first = fmt.Errorf("line %d: %w", n, err)
		}
	}
	if wrong > 1 {
		first = fmt.Errorf("%d lines are wrong, the first is %w", wrong, first)
	}
	return list, first
}

// setFile makes list what the file says, or adds it to what the file said.
func (r *Revocations) setFile(list []Revocation, add bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !add {
		r.file = newRevoked()
	}
	for _, v := range list {
		r.file.add(v)
	}
	r.tellLocked()
}

// Revoke takes back what v says, for as long as the process lives.
func (r *Revocations) Revoke(v Revocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.own.add(v)
	r.tellLocked()
}

// tellLocked tells of a change; mu is held.
func (r *Revocations) tellLocked() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// Revoked reports whether the grant was taken back.
func (r *Revocations) Revoked(g *Grant) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.own.has(g) || r.file.has(g)
}

// Changed returns what is closed at the next change. Whoever gets it before looking through its sessions with Revoked,
// and then waits for it, misses none.
func (r *Revocations) Changed() <-chan struct{} {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.changed
}

// Guard refuses what next would grant and was revoked.
func (r *Revocations) Guard(next Authenticator) Authenticator { return guard{r, next} }

type guard struct {
	revocations *Revocations
	next        Authenticator
}

func (g guard) Authenticate(ctx context.Context, r Request) (*Grant, error) {
	grant, err := g.next.Authenticate(ctx, r)
	if err != nil {
		return nil, err
	}
	if g.revocations.Revoked(grant) {
		return nil, &Error{Reason: Kicked, Detail: "the access was revoked: an operator has to grant it anew"}
	}
	return grant, nil
}

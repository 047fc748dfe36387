package beckon

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// TokenSource gives an access token for the server, a JSON Web Token, or an error if there is none to be had. It is asked
// before each stream, and when the server says that the present token is about to run out: it may give the same one as
// long as that is good. It should return when ctx ends, and is not called by two goroutines at one time.
type TokenSource func(ctx context.Context) (string, error)

// WithToken shows the server an access token, with each stream. A session whose token runs out ends with [TokenExpired];
// [WithTokenSource] can give others.
func WithToken(token string) Option {
	return func(o *options) {
		o.tokens, o.renews = func(context.Context) (string, error) { return token, nil }, false
	}
}

// WithTokenSource shows the server what source gives. About a minute before a token runs out source is asked for another,
// of the same subject, and the session goes on with that, on another stream: nothing is lost, and no event tells of it.
// Whoever asks for a token to be shown over a connection without TLS shows it to everybody on the way.
func WithTokenSource(source TokenSource) Option {
	return func(o *options) { o.tokens, o.renews = source, true }
}

// tokens is what a session knows of access tokens.
type tokens struct {
	// Immutable.
	source TokenSource   // nil: none is shown.
	renews bool          // The source may give another one.
	turn   chan struct{} // Of size 1: holds a value while the source is asked.
}

func newTokens(o *options) tokens {
	return tokens{source: o.tokens, renews: o.renews, turn: make(chan struct{}, 1)}
}

// get asks for a token; empty: none is to be shown. A source that does not return when ctx ends is not waited for.
func (t *tokens) get(ctx context.Context) (string, *EndError) {
	if t.source == nil {
		return "", nil
	}
	type answer struct {
		token string
		err   error
	}
	answered := make(chan answer, 1)
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return "", noToken(context.Cause(ctx))
	}
	go func() {
		defer func() { <-t.turn }()
		token, err := t.source(ctx)
		answered <- answer{token, err}
	}()
	select {
	case a := <-answered:
		if a.err != nil {
			return "", noToken(a.err)
		}
		token := strings.TrimSpace(a.token)
		if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) { // Who shows the error must not show it.
			return "", noToken(errors.New("expected visible ASCII characters alone"))
		}
		return token, nil
	case <-ctx.Done():
		return "", noToken(context.Cause(ctx))
	}
}

// greet opens the first stream of a session.
func (t *tokens) greet(ctx context.Context, cancel context.CancelCauseFunc, cc grpc.ClientConnInterface) (*link, error) {
	token, refused := t.get(ctx)
	if refused != nil {
		return nil, refused
	}
	l, err := greet(bearing(ctx, token), cancel, cc, ping(nil))
	if err != nil {
		return nil, err
	}
	l.token = token
	return l, nil
}

// noToken is the end of what needs a token when there is none.
func noToken(why error) *EndError {
	return &EndError{Code: codes.Unavailable, Reason: NoToken, Detail: "no access token to show: " + why.Error()}
}

// bearing returns ctx with the token in its outgoing metadata; an empty one changes nothing.
func bearing(ctx context.Context, token string) context.Context {
	if token == "" {
		return ctx
	}
	md, _ := metadata.FromOutgoingContext(ctx)
	md = md.Copy()
	md.Set("authorization", "Bearer "+token)
	return metadata.NewOutgoingContext(ctx, md)
}

// renewal is how the token of a stream is renewed: by another stream, which takes the session up with another token while
// this one goes on. So a token that the server does not take costs nothing as long as the former is good.
type renewal struct {
	over    context.CancelFunc // Has no further attempt made.
	done    chan struct{}      // Closed when none is under way any more.
	opening bool               // A stream was asked for. Written before done is closed.
	next    *link              // The other stream; nil: there is none. Written before done is closed.
}

// renew begins to renew the token of l, which is about to run out, if it has not begun. It is called by the run goroutine.
func (s *Session) renew(l *link) {
	if l.renewal != nil {
		return
	}
	ctx, cancel := context.WithCancel(l.ctx)
	l.renewal = &renewal{over: cancel, done: make(chan struct{})}
	go s.runRenewal(ctx, l, l.renewal)
}

// runRenewal tries until there is another stream or ctx ends; that of which it has asked it waits for.
func (s *Session) runRenewal(ctx context.Context, l *link, r *renewal) {
	defer close(r.done)
	refused := l.token
	var tries attempts
	for {
		pause := time.NewTimer(tries.next())
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return
		}
		token, err := s.tokens.get(ctx)
		if err != nil || token == l.token || token == refused {
			continue
		}
		r.opening = true
		next, err := s.resumeWith(token)
		if err == nil {
			r.next = next
			l.cancel(nil) // The server has ended it, or is about to.
			return
		}
		if err.final() {
			refused = token
		}
	}
}

// renewed returns the stream by which that of l was replaced, if any, and else whether the server may have ended l for one
// that this session asked for.
func (l *link) renewed() (next *link, asked bool) {
	r := l.renewal
	if r == nil {
		return nil, false
	}
	r.over()
	<-r.done
	return r.next, r.opening
}

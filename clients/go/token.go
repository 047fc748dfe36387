package beckon

import (
	"context"
	"errors"
	"net"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
)

// TokenSource gives an access token for the server, a JSON Web Token, or an error if there is none to be had. It is asked
// before each stream, and when the server says that access is about to run out: it may give the same one, which is shown
// again. White space around the token does not count.
//
// It has ten seconds each time, except for the first stream, and should return when ctx ends; the session does not wait
// for it any longer. It is not called by two goroutines at one time.
type TokenSource func(ctx context.Context) (string, error)

// WithToken shows the server an access token, with each stream. It is as a [TokenSource] that always gives that one, but
// for an event: about a minute before access runs out a [Failure] tells, [TokenExpiring]. It does so once, also if the
// server extends the access when it is shown the token again, and whenever that is about to run out. So it is without a
// token, where the server knows the client by other metadata.
func WithToken(token string) Option {
	return func(o *options) {
		o.tokens, o.renews = func(context.Context) (string, error) { return token, nil }, false
	}
}

// WithTokenSource shows the server what source gives, with each stream. About a minute before access runs out source is
// asked again, and the session goes on with what it gives, another token of the same subject or the same, on another
// stream. Nothing is lost or comes twice, and no event tells of it but a [JoinedUsers] for each room, and an
// [IceServersChanged] if there are others now. A token that the server refuses costs nothing as long as access lasts.
//
// The same token serves where a webhook decides, which is asked again and may say that it is good for longer. If the server
// says at once that access still runs out, source is asked for another again and again, and the same is shown again with
// pauses: of five seconds, ten, and then twenty. Access for less than that ends streams, and is renewed after that.
//
// When access has run out the session is resumed as after a loss, with what source gives then, until it is clear that
// there is nothing good to be had: with [TokenExpired], which is final when the same token has run out again, or after the
// resume_window of the [Welcome]; with [NoToken], when that has passed; or with how else the server refuses.
//
// A token is shown to another machine with TLS alone, unless [WithPlaintext] says otherwise.
func WithTokenSource(source TokenSource) Option {
	return func(o *options) { o.tokens, o.renews = source, true }
}

// tokens is what a session knows of access tokens.
type tokens struct {
	// Immutable.
	source    TokenSource   // nil: none is shown.
	renews    bool          // The source may give another one.
	plaintext bool          // They may be shown to other machines without TLS.
	asking    chan struct{} // Of size 1, never closed: holds a value while the source is asked.
}

func newTokens(o *options) tokens {
	return tokens{source: o.tokens, renews: o.renews, plaintext: o.plaintext, asking: make(chan struct{}, 1)}
}

// get asks for a token; empty: none is to be shown. A source that does not return when ctx ends is not waited for.
func (t *tokens) get(ctx context.Context) (string, *EndError) {
	if t.source == nil {
		return "", nil
	}
	if !fill(ctx, t.asking) {
		return "", noToken(context.Cause(ctx))
	}
	type answer struct {
		token string
		err   error
	}
	answered := make(chan answer, 1)
	go func() {
		defer func() { <-t.asking }()
		token, err := t.source(ctx)
		answered <- answer{strings.TrimSpace(token), err}
	}()
	select {
	case a := <-answered:
		switch {
		case a.err != nil:
			return "", noToken(a.err)
		case strings.ContainsFunc(a.token, func(r rune) bool { return r <= ' ' || r > '~' }):
			// Who shows the error must not show the token.
			return "", noToken(errors.New("expected visible ASCII characters alone"))
		}
		return a.token, nil
	case <-ctx.Done():
		return "", noToken(context.Cause(ctx))
	}
}

// getSoon is as get, but does not wait for longer than an attempt to resume may take.
func (t *tokens) getSoon(ctx context.Context) (string, *EndError) {
	late := errors.New("the source gave none within " + attemptTimeout.String())
	ctx, cancel := context.WithTimeoutCause(ctx, attemptTimeout, late)
	defer cancel()
	return t.get(ctx)
}

// noToken is the end of what needs a token when there is none.
func noToken(why error) *EndError {
	return &EndError{Code: codes.Unavailable, Reason: NoToken, Detail: "no access token to show: " + why.Error()}
}

// greetFirst opens the first stream of a session.
func (t *tokens) greetFirst(
	ctx context.Context, cancel context.CancelCauseFunc, cc grpc.ClientConnInterface,
) (*link, error) {
	token, none := t.get(ctx)
	if none != nil {
		return nil, none
	}
	return t.greet(ctx, cancel, cc, token, ping(nil))
}

// greet is as the function greet, and shows the token; empty: none.
func (t *tokens) greet(
	ctx context.Context, cancel context.CancelCauseFunc, cc grpc.ClientConnInterface, token string, first *ConnectRequest,
	opts ...grpc.CallOption,
) (*link, error) {
	if token != "" {
		if md, ok := metadata.FromOutgoingContext(ctx); ok { // There is to be one.
			md = md.Copy()
			md.Delete("authorization")
			ctx = metadata.NewOutgoingContext(ctx, md)
		}
		opts = append(opts, grpc.PerRPCCredentials(&bearer{token, t.plaintext}))
	}
	l, err := greet(ctx, cancel, cc, first, opts...)
	if err != nil {
		return nil, err
	}
	l.token = token
	return l, nil
}

// bearer shows a token with one stream, unless others could see it on its way.
type bearer struct {
	token     string
	plaintext bool // They may.
}

// GetRequestMetadata gives what shows the token.
func (b *bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	info, ok := credentials.RequestInfoFromContext(ctx)
	encrypted := ok && credentials.CheckSecurityLevel(info.AuthInfo, credentials.PrivacyAndIntegrity) == nil
	if !encrypted && !b.plaintext && !toThisMachine(ctx) {
		return nil, status.Error(codes.Unauthenticated,
			"the access token is not shown to another machine without TLS: use TLS, or WithPlaintext if nobody is on the way")
	}
	return map[string]string{"authorization": "Bearer " + b.token}, nil
}

// RequireTransportSecurity is false: that is for GetRequestMetadata to say.
func (b *bearer) RequireTransportSecurity() bool { return false }

// toThisMachine tells whether the connection of a call stays on this machine for certain.
func toThisMachine(ctx context.Context) bool {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return false
	}
	switch addr := p.Addr.(type) {
	case *net.TCPAddr:
		return addr.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	}
	return false
}

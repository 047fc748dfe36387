package hub

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server/auth"
	"github.com/beckonrtc/beckon/server/roomlog"
	"github.com/beckonrtc/beckon/server/wire"
)

// expiryNotice is how long before a grant runs out its client is told.
const expiryNotice = time.Minute

// everything is what a session may do that needs no grant.
var everything = new(auth.Grant)

// grantFor returns what the client of a stream may do, which has asked for that room.
func (h *Hub) grantFor(ctx context.Context, room string) (*auth.Grant, error) {
	if h.cfg.Admit == nil {
		return everything, nil
	}
	g, err := h.cfg.Admit(ctx, room)
	if refused, ok := errors.AsType[*auth.Error](err); ok {
		if refused.Err != nil {
			h.log.WarnContext(ctx, "cannot tell what a client may do", "reason", refused.Reason, "err", refused.Err)
		}
		return nil, &Error{Reason(refused.Reason), refused.Detail}
	}
	return g, err
}

// denied returns the failure of what the grant does not allow.
func denied(field, format string, args ...any) *failure {
	return fail(beckonv1.FailureCode_FAILURE_CODE_PERMISSION_DENIED, field, format, args...)
}

// checkJoin checks that g lets its user into that room.
func checkJoin(g *auth.Grant, room string) *failure {
	switch {
	case !g.May(auth.Join):
		return denied("room", "your access does not allow joining rooms: expected access that allows %q", "join")
	case !g.MayJoin(room):
		return denied("room", "your access does not allow room %q: it allows %s", room, strings.Join(g.Rooms, ", "))
	}
	return nil
}

// checkSend checks that g lets its user send m. Who was called may always answer.
func checkSend(g *auth.Grant, m *wire.Relay) *failure {
	var needed auth.Permission
	switch m.Kind {
	case wire.Offer:
		needed = auth.Call
	case wire.Data:
		needed = auth.Data
	}
	if len(m.To) == 0 {
		needed |= auth.Broadcast
	}
	if lacking := needed & g.Withheld; lacking != 0 {
		return denied("", "your access does not allow this %s: it lacks %s", m.Kind, strings.Join(lacking.Words(), ", "))
	}
	return nil
}

// firstLook returns what others see of a user that has yet to say how it wants to look.
func firstLook(id string, g *auth.Grant) *beckonv1.User {
	u := &beckonv1.User{Id: id, Name: g.Name, Identity: g.Identity}
	if len(g.Attributes) > 0 {
		u.Attributes = maps.Clone(g.Attributes)
		maps.DeleteFunc(u.Attributes, func(_, v string) bool { return v == "" })
	}
	return u
}

// settleDuplicates sees to it that the session can enter r as far as others of the same identity are concerned. None of
// them enters until settled is called with the number of the session's join, 0 if there is none.
func (s *Session) settleDuplicates(ctx context.Context, r *room, g *auth.Grant) (settled func(roomlog.Seq), err error) {
	if g.Identity == "" || g.Duplicates == auth.AllowDuplicates {
		return func(roomlog.Seq) {}, nil
	}
	if settled, err = r.claim(ctx, g.Identity); err != nil {
		return nil, err
	}
	for _, other := range r.ofIdentity(g.Identity) {
		switch {
		case other.shown.GetId() == s.id: // As an earlier process knew it.
			continue
		case g.Duplicates == auth.RejectDuplicates:
			err = denied("room", "%q is in room %q already, and your access does not allow it twice", g.Identity, r.name)
		default:
			err = s.hub.expel(ctx, r, other, beckonv1.LeaveReason_LEAVE_REASON_REPLACED)
		}
		if err != nil {
			settled(0)
			return nil, err
		}
	}
	return settled, nil
}

// claim returns when nobody else of that identity is about to enter r, and keeps others from it until done is called and r
// accounts for everything up to the number that it is given.
func (r *room) claim(ctx context.Context, identity string) (done func(roomlog.Seq), err error) {
	for {
		r.mu.Lock()
		other, taken := r.claims[identity]
		if !taken {
			if r.claims == nil {
				r.claims = map[string]chan struct{}{}
			}
			own := make(chan struct{})
			r.claims[identity] = own
			r.mu.Unlock()
			return func(seq roomlog.Seq) {
				_ = r.reach(ctx, seq) // If ctx ends, the stream is lost, and who waits may see less than it should.
				r.mu.Lock()
				defer r.mu.Unlock()
				delete(r.claims, identity)
				close(own)
			}, nil
		}
		r.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// occupant is a user of a room, as others see it.
type occupant struct {
	shown *beckonv1.User
	owner roomlog.Seq
}

// ofIdentity returns the users of r that have that identity.
func (r *room) ofIdentity(identity string) (found []occupant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range r.order {
		if u.identity != nil && *u.identity != identity {
			continue
		}
		list := new(beckonv1.JoinedUsers)
		if err := proto.Unmarshal(u.entry, list); err != nil || len(list.GetUsers()) != 1 { // It was encoded here.
			continue
		}
		shown := list.GetUsers()[0]
		u.identity = proto.String(shown.GetIdentity()) // It stays the same for as long as the user is there.
		if shown.GetIdentity() == identity {
			found = append(found, occupant{shown, u.owner})
		}
	}
	return found
}

// expel takes a user out of r, wherever its session is.
func (h *Hub) expel(ctx context.Context, r *room, o occupant, reason beckonv1.LeaveReason) error {
	_, err := h.cfg.Log.Append(ctx, leaveOf(r.name, o.shown, reason, roomlog.Expect{User: o.shown.GetId(), Seq: o.owner}))
	if _, gone := errors.AsType[*roomlog.ConflictError](err); gone {
		return nil
	}
	return err
}

// renew gives the session what its client may do from now on. It leaves the rooms that are no longer allowed, and looks in
// the others as it now has to. It returns false if the grant was revoked in the meantime. s.mu must be held.
func (s *Session) renew(ctx context.Context, g *auth.Grant) bool {
	former := s.grant.Swap(g)
	if s.hub.isRevoked(g) { // If it is from now on, Revoke finds it.
		return false
	}
	for _, m := range slices.Clone(s.members) {
		if m.expelled.Load() {
			continue
		}
		if g.MayJoin(m.room.name) {
			if shown := redress(m.shown, former, g); !proto.Equal(shown, m.shown) {
				if _, err := s.appear(ctx, m, shown, 0); err != nil {
					s.hub.log.ErrorContext(ctx, "cannot show what a new grant fixes", "session", s.id, "room", m.room.name, "err", err)
				}
			}
			continue
		}
		if err := s.hub.expel(ctx, m.room, occupant{m.shown, m.owner}, beckonv1.LeaveReason_LEAVE_REASON_EXPIRED); err != nil {
			s.hub.log.ErrorContext(ctx, "cannot leave a room", "session", s.id, "room", m.room.name, "err", err)
		}
	}
	return true
}

// redress returns u without what a former grant fixed, and with what g fixes.
func redress(u *beckonv1.User, former, g *auth.Grant) *beckonv1.User {
	u = proto.CloneOf(u)
	if !g.May(auth.UpdateName) {
		u.Name = g.Name
	}
	attributes := u.GetAttributes()
	maps.DeleteFunc(attributes, func(k, _ string) bool { _, fixed := former.Attributes[k]; return fixed })
	for k, v := range g.Attributes {
		switch {
		case v == "":
			delete(attributes, k)
		case attributes == nil:
			attributes = map[string]string{k: v}
		default:
			attributes[k] = v
		}
	}
	u.Attributes = attributes
	return u
}

// isRevoked reports whether a grant was revoked since it was given.
func (h *Hub) isRevoked(g *auth.Grant) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.isRevokedLocked(g)
}

// isRevokedLocked is isRevoked. h.mu must be held.
func (h *Hub) isRevokedLocked(g *auth.Grant) bool { return h.revoked != nil && h.revoked(g) }

// Revoke ends every session whose grant is revoked, with KICKED; it cannot be taken up again. From then on no session
// begins or is taken up with such a grant. revoked may be called concurrently, and at any time.
func (h *Hub) Revoke(revoked func(*auth.Grant) bool) {
	h.mu.Lock()
	h.revoked = revoked
	var kicked []*Session
	for _, s := range h.sessions {
		if revoked(s.grant.Load()) {
			kicked = append(kicked, s)
		}
	}
	h.mu.Unlock()
	for _, s := range kicked {
		if c := s.conn.Load(); c != nil {
			c.ends.add(Revoked)
		}
	}
	for _, s := range kicked {
		s.mu.Lock()
		s.end(beckonv1.LeaveReason_LEAVE_REASON_KICKED)
		s.mu.Unlock()
	}
}

// beatGrant tells the client once that its grant is about to run out, and ends the stream when it has; and it sends new
// ICE servers when it is time. It is called by Hub.beat.
func (c *Conn) beatGrant(now time.Time) {
	s := c.session.Load()
	if pushes, _ := c.out.activity(); s == nil || pushes == 0 { // Before `welcome` the session may have a former grant.
		return
	}
	p := &c.pulse
	g := s.grant.Load()
	if !g.Expires.IsZero() {
		switch left := g.Expires.Sub(now); {
		case left <= 0 && !p.expired:
			p.expired = true
			c.ends.add(Expired)
		case left <= expiryNotice && !p.warned && left > 0:
			p.warned = true
			f := fail(beckonv1.FailureCode_FAILURE_CODE_TOKEN_EXPIRING, "", "your access runs out in %s: resume with a new access token, or show again what let you in", left.Round(time.Second))
			s.hub.stats.codes[f.code].Add(1)
			c.out.push(failureEvent(0, "", f))
		}
	}
	if at := c.renewICE.Load(); at != 0 && now.UnixNano() >= at {
		servers, renew := s.hub.cfg.ICEServers(g, s.id)
		c.setRenewICE(renew)
		c.out.push(wire.Event(&beckonv1.ConnectResponse{Event: &beckonv1.ConnectResponse_IceServersChanged{
			IceServersChanged: &beckonv1.IceServersChanged{IceServers: servers},
		}}))
	}
}

// iceServers returns the ICE servers for the session's client, and has them renewed on c.
func (c *Conn) iceServers(s *Session) []*beckonv1.IceServer {
	if c.hub.cfg.ICEServers == nil {
		return nil
	}
	servers, renew := c.hub.cfg.ICEServers(s.grant.Load(), s.id)
	c.setRenewICE(renew)
	return servers
}

// setRenewICE has the ICE servers renewed at that time; zero: never.
func (c *Conn) setRenewICE(at time.Time) {
	if at.IsZero() {
		c.renewICE.Store(0)
	} else {
		c.renewICE.Store(at.UnixNano())
	}
}

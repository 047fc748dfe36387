package wire

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
)

// Filter changes what a sender says of its addresses. Its errors are for the sender.
type Filter interface {
	// Description returns a session description as it may pass.
	Description(sdp string) (string, error)
	// Candidate returns a candidate as it may pass, and whether it may.
	Candidate(candidate string) (string, bool, error)
}

// Rewrite returns r, an offer, an answer or candidates, as f lets it pass; any other message as it is. Of candidates none
// may be left.
func (r *Relay) Rewrite(f Filter) (*Relay, error) {
	var m proto.Message
	switch r.Kind {
	case Offer:
		m = new(beckonv1.Offer)
	case Answer:
		m = new(beckonv1.Answer)
	case Candidate:
		m = new(beckonv1.Candidate)
	default:
		return r, nil
	}
	if err := proto.Unmarshal(r.body, m); err != nil { // It was parsed before.
		return nil, err
	}
	if c, ok := m.(*beckonv1.Candidate); ok {
		kept := c.Candidates[:0]
		for _, candidate := range c.Candidates {
			text, pass, err := f.Candidate(candidate.GetCandidate())
			if err != nil {
				return nil, err
			}
			if pass {
				candidate.Candidate = text
				kept = append(kept, candidate)
			}
		}
		c.Candidates = kept
	} else {
		sdp := m.ProtoReflect().Descriptor().Fields().ByName("sdp")
		text, err := f.Description(m.ProtoReflect().Get(sdp).String())
		if err != nil {
			return nil, err
		}
		m.ProtoReflect().Set(sdp, protoreflect.ValueOfString(text))
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	out, ok := parseRelay(r.Kind, body)
	if !ok {
		panic("a message that was encoded plainly cannot be read")
	}
	out.To, out.Room, out.body = r.To, r.Room, body
	return &out, nil
}

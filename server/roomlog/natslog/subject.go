package natslog

import (
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"github.com/nats-io/nuid"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// The subjects, after the prefix and the shard. Names are in base64, since they may have any characters.
//
//	o.ROOM.USER                      the user's ownership record: Join, Move or Leave
//	p.ROOM.USER                      its last Appearance
//	t.NODE.ROOM.TO.FROM.CSEQ         a Message, for a session on the node
//	b.ROOM.FROM.CSEQ                 a Broadcast
//	r.ROOM.USER.JOIN                 up to where the user has received what it was sent since that Join
//	m.MARK                           nothing: up to there somebody reads
//
// A subject keeps its last message alone. Those of messages and broadcasts are used once.
const (
	owners      = "o"
	appearances = "p"
	messages    = "t"
	broadcasts  = "b"
	receipts    = "r"
	marks       = "m"
)

// checkPrefix checks that prefix can begin the names of streams and subjects.
func checkPrefix(prefix string) error {
	for _, c := range prefix {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return fmt.Errorf("prefix %q: expected letters, digits, - and _", prefix)
		}
	}
	return nil
}

// shardOf returns the shard that a room's log is in.
func (l *Log) shardOf(room string) int {
	h := fnv.New32a()
	h.Write([]byte(room)) // Never fails.
	return int(h.Sum32() % uint32(l.opts.Shards))
}

// subject returns the subject of that kind in a shard; the tokens are put as they are.
func (l *Log) subject(shard int, kind string, tokens ...string) string {
	var b strings.Builder
	b.WriteString(l.opts.Prefix)
	b.WriteByte('.')
	b.WriteString(strconv.Itoa(shard))
	b.WriteByte('.')
	b.WriteString(kind)
	for _, t := range tokens {
		b.WriteByte('.')
		b.WriteString(t)
	}
	return b.String()
}

// token returns a name as it is in subjects.
func token(name string) string { return base64.RawURLEncoding.EncodeToString([]byte(name)) }

// ownerSubject returns the subject of a user's ownership record.
func (l *Log) ownerSubject(shard int, room, user string) string {
	return l.subject(shard, owners, token(room), token(user))
}

// place is where a record is published.
type place struct {
	shard   int
	subject string
	once    string // What tells the record from others of its sender.
	id      string // By which NATS knows it when it comes again.
}

// place returns where rec belongs. node is that of a Message's target.
func (l *Log) place(rec *roomlog.Record, node string) place {
	p := place{shard: l.shardOf(rec.Room)}
	room, from := token(rec.Room), token(rec.From)
	once := rec.Key
	switch {
	case once != "":
		once = "k" + token(once)
	case rec.CSeq != 0:
		once = strconv.FormatUint(rec.CSeq, 10)
	default:
		once = "n" + nuid.Next()
	}
	p.once, p.id = once, room+"."+from+"."+once
	switch rec.Kind {
	case roomlog.Appearance:
		p.subject = l.subject(p.shard, appearances, room, from)
	case roomlog.Message:
		p.subject = l.messageSubject(p, rec, token(node))
	case roomlog.Broadcast:
		p.subject = l.subject(p.shard, broadcasts, room, from, once)
	default:
		p.subject = l.subject(p.shard, owners, room, from)
	}
	return p
}

// messageSubject returns the subject of a Message whose place is p but for the node, which may be a "*".
func (l *Log) messageSubject(p place, rec *roomlog.Record, node string) string {
	return l.subject(p.shard, messages, node, token(rec.Room), token(rec.To), token(rec.From), p.once)
}

// parseSubject returns the record that a subject tells of, but for the kind of ownership records.
func (l *Log) parseSubject(subject string) (rec roomlog.Record, err error) {
	tokens := strings.Split(subject, ".")
	if len(tokens) < 5 {
		return rec, fmt.Errorf("subject %q has %d parts", subject, len(tokens))
	}
	var names []*string // What the tokens are, in base64.
	switch kind := tokens[2]; kind {
	case owners, appearances:
		rec.Kind = roomlog.Appearance
		names = []*string{&rec.Room, &rec.From}
	case messages:
		rec.Kind = roomlog.Message
		tokens = tokens[1:] // Without the node.
		names = []*string{&rec.Room, &rec.To, &rec.From}
	case broadcasts:
		rec.Kind = roomlog.Broadcast
		names = []*string{&rec.Room, &rec.From}
	default:
		return rec, fmt.Errorf("subject %q is of an unknown kind", subject)
	}
	tokens = tokens[3:]
	if len(tokens) < len(names) {
		return rec, fmt.Errorf("subject %q has too few parts", subject)
	}
	for i, name := range names {
		decoded, err := base64.RawURLEncoding.DecodeString(tokens[i])
		if err != nil {
			return rec, fmt.Errorf("subject %q: %w", subject, err)
		}
		*name = string(decoded)
	}
	if rest := tokens[len(names):]; len(rest) > 0 {
		rec.CSeq, _ = strconv.ParseUint(rest[0], 10, 64) // Not a number: it has none.
	}
	return rec, nil
}

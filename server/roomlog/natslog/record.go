package natslog

import (
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/beckonrtc/beckon/server/roomlog"
)

// What an ownership record has besides its data.
const (
	kindHeader  = "Beckon-Kind"
	nodeHeader  = "Beckon-Node"  // Of a Join or Move: where the session is. Of a Leave: where it was.
	byHeader    = "Beckon-By"    // Of a Leave by a node that clears after that one: which.
	sinceHeader = "Beckon-Since" // Of a Move or Leave: the number of the Join.
	endsHeader  = "Beckon-Ends"  // Of a Leave: the number of the ownership record that it ends.
)

// kinds are those of ownership records, in their header.
var kinds = map[string]roomlog.Kind{"join": roomlog.Join, "move": roomlog.Move, "leave": roomlog.Leave}

// parseRecord returns the record that a message is, as NATS has it under that number.
func (l *Log) parseRecord(subject string, header nats.Header, data []byte, seq uint64, at time.Time) (*roomlog.Record, error) {
	rec, err := l.parseSubject(subject)
	if err != nil {
		return nil, err
	}
	rec.Data, rec.Seq, rec.Time = data, roomlog.Seq(seq), at
	if word := header.Get(kindHeader); word != "" {
		kind, ok := kinds[word]
		if !ok {
			return nil, fmt.Errorf("record %d on %s is of the unknown kind %q", seq, subject, word)
		}
		rec.Kind, rec.Node = kind, header.Get(nodeHeader)
		if ends, err := strconv.ParseUint(header.Get(endsHeader), 10, 64); err == nil {
			rec.Expect = roomlog.Expect{User: rec.From, Seq: roomlog.Seq(ends)}
		}
		if since, err := strconv.ParseUint(header.Get(sinceHeader), 10, 64); err == nil {
			rec.Since = roomlog.Seq(since)
		}
	}
	return &rec, nil
}

// ownership is what an ownership record tells.
type ownership struct {
	seq   roomlog.Seq // 0: the user is not in the room.
	node  string      // Of a user who is in the room.
	since roomlog.Seq // The Join of the membership, which may have ended.
	last  roomlog.Seq // The record; not 0 if the user has left.
}

// parseOwnership returns what a message on an ownership record's subject tells.
func parseOwnership(header nats.Header, seq uint64) ownership {
	o := ownership{last: roomlog.Seq(seq), since: roomlog.Seq(seq)}
	if since, err := strconv.ParseUint(header.Get(sinceHeader), 10, 64); err == nil {
		o.since = roomlog.Seq(since)
	}
	if kinds[header.Get(kindHeader)].Owns() {
		o.seq, o.node = o.last, header.Get(nodeHeader)
	}
	return o
}

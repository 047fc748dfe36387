package server_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	beckonv1 "github.com/beckonrtc/beckon/gen/beckon/v1"
	"github.com/beckonrtc/beckon/server"
)

// TestClearUnreadable: what a user of a dead node had not received comes back to its sender even if, once the user was ended, it
// could not be read for a while what that was.
func TestClearUnreadable(t *testing.T) {
	t.Parallel()
	url := startNATS(t)
	lobby := base64.RawURLEncoding.EncodeToString([]byte("lobby"))
	loose, cut := natsCable(t, url)
	spoiled, spoils := spoil(t, url, "PUB $JS.API.STREAM.MSG.GET.", "beckon.0.r."+lobby) // What the client has received.
	cfg := server.Config{SessionKeyFile: fileOf(t, strings.Repeat("key ", 10)), ResumeWindow: 2 * time.Second, HeartbeatInterval: time.Second}
	cluster := server.Cluster{Shards: 1, Lease: time.Second}
	nodes := append(startNodes(t, 1, spoiled, cfg, cluster), startNodes(t, 1, loose, cfg, cluster)...)
	bob := open(t, nodes[0].dial(), &beckonv1.ConnectRequest{Message: &beckonv1.ConnectRequest_Join{Join: &beckonv1.Join{Room: "lobby", Presence: delta}}})
	_, welcome, _ := joined(t, nodes[1].dial())
	cut()
	bob.send(&beckonv1.ConnectRequest{RequestId: 1, Message: &beckonv1.ConnectRequest_Data{Data: &beckonv1.Data{
		To: welcome.GetUserId(), Room: "lobby", Payload: []byte("hello"),
	}}})
	spoils.Store(true)
	for bob.next().GetUserLeft().GetUser().GetId() != welcome.GetUserId() {
	}
	time.Sleep(3 * time.Second) // Until it has been tried.
	spoils.Store(false)
	for {
		e := bob.next()
		if f := e.GetFailure(); f != nil {
			if f.GetCode() != beckonv1.FailureCode_FAILURE_CODE_UNDELIVERED || e.GetRequestId() != 1 {
				t.Errorf("the sender got %v, want that the message was not delivered", e)
			}
			return
		}
	}
}

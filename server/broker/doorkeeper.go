package broker

import (
	"crypto/rand"
	"crypto/subtle"

	"github.com/nats-io/nats-server/v2/server"
)

// doorkeeper lets only this process into the server that is inside it. A name and a password among the server's options would do
// as well, but the server then warns of a password in plain text.
type doorkeeper struct {
	user, password string // Immutable.
}

// newDoorkeeper returns a doorkeeper with a password that nobody else has.
func newDoorkeeper() doorkeeper { return doorkeeper{user: "beckon", password: rand.Text()} }

// Check implements server.Authentication.
func (d doorkeeper) Check(c server.ClientAuthentication) bool {
	shown := c.GetOpts()
	return shown.Username == d.user && subtle.ConstantTimeCompare([]byte(shown.Password), []byte(d.password)) == 1
}

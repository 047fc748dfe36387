package broker

import (
	"crypto/rand"
	"crypto/subtle"

	"github.com/nats-io/nats-server/v2/server"
)

// doorkeeper lets only this process into the server that is inside it. A name and a password among the server's options would do
// as well, but the server then warns of a password in plain text.
type doorkeeper struct {
	user, operator string // Immutable. Who uses the server, and who asks it about itself and the others.
	password       string // Immutable. Of both.
	server         *server.Server
}

// newDoorkeeper returns a doorkeeper with a password that nobody else has.
func newDoorkeeper() *doorkeeper {
	return &doorkeeper{user: "beckon", operator: "beckon operator", password: rand.Text()}
}

// Check implements server.Authentication. The operator is let into the account that servers speak with each other in.
func (d *doorkeeper) Check(c server.ClientAuthentication) bool {
	shown := c.GetOpts()
	if subtle.ConstantTimeCompare([]byte(shown.Password), []byte(d.password)) != 1 {
		return false
	}
	if shown.Username == d.operator {
		c.RegisterUser(&server.User{Account: d.server.SystemAccount()})
		return true
	}
	return shown.Username == d.user
}

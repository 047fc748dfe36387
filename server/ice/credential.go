package ice

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// What can be wrong with a credential. Neither tells more, so that nobody learns from a refusal how to do better.
var (
	// ErrCredential tells that a credential is none that one of the secrets has made.
	ErrCredential = errors.New(`bad credential: expected the username "<unix time of its end>:<user>" and what a shared secret makes of it`)
	// ErrExpired tells that a credential has come to its end.
	ErrExpired = errors.New("the credential has expired: a new one is needed")
)

// Verify returns the user that a credential was made for, or ErrCredential, or ErrExpired from the second on in which the
// credential ends. It takes the same time for every credential of the same username. May be called concurrently.
//
// Credentials are those of draft-uberti-behave-turn-rest-00, section 2.2, as coturn has them.
func Verify(secrets []Secret, username, credential string, now time.Time) (user string, err error) {
	end, user, ok := parseUsername(username)
	if !ok {
		return "", ErrCredential
	}
	matches := false
	for _, s := range secrets {
		if hmac.Equal([]byte(sign(s, username)), []byte(credential)) {
			matches = true
		}
	}
	switch {
	case !matches:
		return "", ErrCredential
	case !now.Before(end):
		return "", ErrExpired
	}
	return user, nil
}

// usernameFor returns the username of a user's credential that is valid until end.
func usernameFor(user string, end time.Time) string {
	return strconv.FormatInt(end.Unix(), 10) + ":" + user
}

// parseUsername takes apart what usernameFor has made.
func parseUsername(username string) (end time.Time, user string, ok bool) {
	digits, user, found := strings.Cut(username, ":")
	seconds, err := strconv.ParseUint(digits, 10, 40) // No sign; enough for 30,000 years.
	if !found || user == "" || err != nil {
		return time.Time{}, "", false
	}
	return time.Unix(int64(seconds), 0), user, true
}

// sign returns the credential that belongs to a username.
func sign(secret Secret, username string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(username))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

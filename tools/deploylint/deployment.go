package main

import (
	"fmt"
	"strings"
	"time"
)

// deployment is what one file starts.
type deployment struct {
	nodes []*container // Of Beckon.
	nats  []*container // NATS servers beside them.
}

// container is one that a file starts, as far as that can be done without a container runtime.
type container struct {
	name   string        // Its host's, unique in the file.
	names  []string      // By which the others reach it.
	args   []string      // After the image's entrypoint.
	env    []string      // NAME=VALUE.
	user   string        // "UID:GID". Empty: the image's.
	mounts []mount       // What of its file system is not the image's.
	ports  []int         // On which it is to listen, TCP.
	probes []probe       // Of a node.
	start  time.Duration // Of the time to end, what passes before it is asked to.
	grace  time.Duration // How long it may take to end, in all.
}

// mount is a directory or a file of a container.
type mount struct {
	path   string
	volume string   // Which it is. Two containers may have the same. Empty: a secret.
	files  []string // Of a secret: what there is below path. "" is path itself.
}

// probe is an HTTP request by which a node is judged.
type probe struct {
	kind string // "startup", "readiness" or "liveness".
	port int
	path string
}

// usualDrain is Beckon's own --drain-timeout.
const usualDrain = 20 * time.Second

// check returns what is wrong whatever the file's language is.
func (d *deployment) check(image *image) (findings []string) {
	if len(d.nodes) == 0 {
		return []string{"starts no Beckon: expected containers of the image beckon"}
	}
	for _, c := range d.nodes {
		if len(c.args) == 0 || c.args[0] != "serve" {
			findings = append(findings, fmt.Sprintf("%s: runs %q, expected serve", c.name, c.args))
		}
		if c.user != "" && c.user != image.user {
			findings = append(findings, fmt.Sprintf("%s: runs as %s, and the image is made for %s", c.name, c.user, image.user))
		}
		drain := usualDrain
		if text, ok := c.flag("drain-timeout"); ok {
			var err error
			if drain, err = time.ParseDuration(text); err != nil {
				continue // The program will tell.
			}
		}
		if c.grace <= c.start+drain {
			findings = append(findings, fmt.Sprintf("%s: is killed %s after it is to end, but its end may take %s: expected more", c.name, c.grace, c.start+drain))
		}
	}
	return findings
}

// flag returns what a flag of serve is set to.
func (c *container) flag(name string) (string, bool) {
	for i, arg := range c.args {
		if value, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
			return value, true
		}
		if arg == "--"+name && i+1 < len(c.args) {
			return c.args[i+1], true
		}
	}
	return c.variable("BECKON_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
}

// variable returns one of the container's environment.
func (c *container) variable(name string) (string, bool) {
	for _, entry := range c.env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

package main

import (
	"context"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// composeGrace is how long a container may take to end if its file does not tell.
const composeGrace = 10 * time.Second

// loadCompose reads a compose file as Docker Compose does: by its schema, and with all that it refers to.
func loadCompose(ctx context.Context, file string) (*deployment, []string) {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithName("deploylint"))
	if err != nil {
		return nil, []string{err.Error()}
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return nil, []string{err.Error()}
	}
	d := new(deployment)
	for name, service := range project.Services {
		c := &container{
			name: name, names: []string{name}, args: service.Command, user: service.User, grace: composeGrace,
		}
		if service.Hostname != "" {
			c.name = service.Hostname
			c.names = append(c.names, service.Hostname)
		}
		if service.StopGracePeriod != nil {
			c.grace = time.Duration(*service.StopGracePeriod)
		}
		for name, value := range service.Environment {
			if value != nil {
				c.env = append(c.env, name+"="+*value)
			}
		}
		for _, p := range service.Ports {
			c.ports = append(c.ports, int(p.Target))
		}
		for _, v := range service.Volumes {
			c.mounts = append(c.mounts, mount{path: v.Target, volume: volumeOf(name, v)})
		}
		for _, s := range service.Secrets {
			target := s.Target
			if target == "" {
				target = s.Source
			}
			if !path.IsAbs(target) {
				target = path.Join("/run/secrets", target)
			}
			c.mounts = append(c.mounts, mount{path: target, files: []string{""}})
		}
		switch product(service.Image) {
		case "beckon":
			d.nodes = append(d.nodes, c)
		case "nats":
			d.nats = append(d.nats, c)
		default:
			return nil, []string{name + ": the image " + service.Image + " is neither beckon nor nats, and nothing is known of others"}
		}
	}
	for _, all := range [][]*container{d.nodes, d.nats} {
		slices.SortFunc(all, func(a, b *container) int { return strings.Compare(a.name, b.name) })
	}
	return d, nil
}

// volumeOf returns which volume a service has: a named one may be another's, too.
func volumeOf(service string, v types.ServiceVolumeConfig) string {
	if v.Source == "" {
		return service + ":" + v.Target
	}
	return v.Source
}

// product returns what an image is of, without where it is from and which version it is.
func product(image string) string {
	name, _, _ := strings.Cut(path.Base(image), "@")
	name, _, _ = strings.Cut(name, ":")
	return name
}

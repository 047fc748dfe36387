package main

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/spf13/pflag"
)

// A list is a flag that may be repeated, and whose error tells what was expected. A value may have several with commas
// between them. It implements pflag.SliceValue.
type list[T any] struct {
	target *[]T
	kind   string // What the help calls one.
	parse  func(string) (T, error)
	format func(T) string
}

func (l list[T]) Set(text string) error {
	if text == "" {
		return nil
	}
	for one := range strings.SplitSeq(text, ",") {
		if err := l.Append(one); err != nil {
			return err
		}
	}
	return nil
}

func (l list[T]) String() string { return strings.Join(l.GetSlice(), ",") }

func (l list[T]) Type() string { return l.kind }

func (l list[T]) Append(text string) error {
	value, err := l.parse(text)
	if err != nil {
		return err
	}
	*l.target = append(*l.target, value)
	return nil
}

func (l list[T]) Replace(all []string) error {
	*l.target = nil
	for _, text := range all {
		if err := l.Append(text); err != nil {
			return err
		}
	}
	return nil
}

func (l list[T]) GetSlice() []string {
	all := make([]string, len(*l.target))
	for i, value := range *l.target {
		all[i] = l.format(value)
	}
	return all
}

// texts are texts that check takes.
func texts(target *[]string, kind string, check func(string) error) pflag.Value {
	return list[string]{target, kind,
		func(text string) (string, error) {
			err := check(text)
			if err != nil && strings.Contains(text, "@") {
				return "", unshown{err}
			}
			return text, err
		},
		asIs,
	}
}

// unshown is what is wrong with a value that may have a password in it, and is not to be shown.
type unshown struct{ error }

// networks are networks, or single addresses.
func networks(target *[]netip.Prefix) pflag.Value {
	return list[netip.Prefix]{target, "CIDR",
		func(text string) (netip.Prefix, error) {
			network, err := netip.ParsePrefix(text)
			if addr, notNetwork := netip.ParseAddr(text); notNetwork == nil {
				network, err = addr.WithZone("").Prefix(addr.BitLen())
			}
			if err != nil || network.Addr().Is4In6() {
				return network, errors.New("expected a network such as 10.0.0.0/8 or fd00::/8, or an address")
			}
			return network, nil
		},
		netip.Prefix.String,
	}
}

var _ pflag.SliceValue = list[string]{}
